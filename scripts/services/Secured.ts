/**
 * What the services with TLS and passwords have in common: an account, and a certificate of their own, made when they are
 * started. Whoever connects trusts `cert.pem` in the service's folder.
 */
import { execFile } from "node:child_process"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { host } from "./Port.ts"
import { need } from "./Tools.ts"

const run = promisify(execFile)

/** With everything in the password that a URL or a settings file might stumble over. */
export const account = { username: "noriter", password: "s3cret:w@rd/1" }

export const prepareCertificate = (): Promise<void> => need({ command: "openssl", debian: "openssl" })

export interface Certificate {
  readonly certificate: string
  readonly key: string
  /** Both in one file, as Java wants them. */
  readonly both: string
}

/** Good for a week, for this machine. */
export async function certificateIn(folder: string): Promise<Certificate> {
  const made = { certificate: join(folder, "cert.pem"), key: join(folder, "key.pem"), both: join(folder, "both.pem") }
  const { certificate, key, both } = made
  const subject = ["-subj", "/CN=noriter test", "-addext", `subjectAltName=IP:${host}`]
  const kind = ["-x509", "-newkey", "rsa:2048", "-nodes", "-days", "7"]
  await run("openssl", ["req", ...kind, ...subject, "-keyout", key, "-out", certificate])
  await writeFile(both, `${await readFile(key, "utf8")}${await readFile(certificate, "utf8")}`)
  return made
}
