/**
 * Builds native/send.c for the server. npm runs this after installing. One file against Node-API, whose binaries fit every
 * Node: it needs a C compiler and nothing of node-gyp. Without one an install should still give a server: a failure is a
 * warning here, and the server then writes to its sockets one by one (src/client/SendBatch.ts).
 *
 * Plain JavaScript that Node 20 understands, like build-zookeeper.mjs.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { include_dir as headers } from "node-api-headers"

const source = fileURLToPath(new URL("../native/send.c", import.meta.url))
const folder = fileURLToPath(new URL("../native/build", import.meta.url))
const binary = `${folder}/send.node`

/** What it calls of Node is found when Node loads it; macOS has to be told so. */
const shared = process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared", "-fPIC"]

function build() {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const given = ["-O2", "-Wall", "-Werror", ...shared, "-I", headers, "-o", binary, source]
  const { status, error, stderr } = spawnSync("cc", given, { encoding: "utf8" })
  if (error !== undefined) return "there is no C compiler (`cc`)"
  if (status !== 0) return `it does not compile:\n${stderr}`
  try {
    createRequire(import.meta.url)(binary)
    return undefined
  } catch (cause) {
    return `it does not load: ${cause.message}`
  }
}

const failed = build()
if (failed === undefined) console.log("native/send: built")
else {
  rmSync(folder, { recursive: true, force: true })
  console.warn(`native/send: WARNING: ${failed}. The server works, and takes more processor time for each write.`)
}
