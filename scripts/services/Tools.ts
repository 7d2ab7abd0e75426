/**
 * Programs that a service needs. What is missing is installed where that can be done without asking anybody (apt-get, as
 * root); where it cannot, it is said plainly what to install.
 */
import { execFile } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)

/** A program, and the Debian package it comes in. */
export interface Tool {
  readonly command: string
  readonly debian: string
}

/** A service cannot be had on this machine; the message says what to do about it. */
export class Missing extends Error {}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Whether it is on PATH. */
export const isHere = ({ command }: Pick<Tool, "command">): boolean =>
  (process.env.PATH ?? "").split(delimiter).some((folder) => isExecutable(join(folder, command)))

/** Ends when all of them are there. */
export async function need(...tools: ReadonlyArray<Tool>): Promise<void> {
  const missing = tools.filter((tool) => !isHere(tool))
  if (missing.length === 0) return
  const commands = missing.map(({ command }) => command).join(", ")
  const advice = `${commands} not found: install ${missing.map(({ debian }) => debian).join(", ")}`
  if (process.getuid?.() !== 0 || !isHere({ command: "apt-get" })) throw new Missing(advice)
  await install(missing).catch((cause: unknown) => {
    throw new Missing(`${advice} (apt-get could not)`, { cause })
  })
}

async function install(tools: ReadonlyArray<Tool>): Promise<void> {
  const packages = tools.map(({ debian }) => debian)
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  // Several test files may find the same program missing at once: the later ones wait for the first.
  const options = ["-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"]
  const installing = () => run("apt-get", ["install", ...options, ...packages], { env })
  await installing().catch(async () => {
    await run("apt-get", ["update", "-qq"], { env })
    await installing()
  })
}
