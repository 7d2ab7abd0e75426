/**
 * Builds native/*.c for the server, where a file has changed since it was built: one built of another is called otherwise,
 * and the server could write to nobody. npm runs this after installing, and before starting and tests. Each is one file
 * against Node-API, whose binaries fit every Node: it needs a C compiler and nothing of node-gyp.
 * Without one an install should still give a server: a failure is a warning here, and the server then writes to its sockets
 * and reads them one by one (src/client/SendBatch.ts, ReceiveRounds.ts).
 *
 * Plain JavaScript that Node 20 understands, like build-zookeeper.mjs.
 */
import { spawnSync } from "node:child_process"
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { fileURLToPath } from "node:url"
import { include_dir as headers } from "node-api-headers"

const native = fileURLToPath(new URL("../native", import.meta.url))
const folder = `${native}/build`

/** What is built: reading many sockets at once is a matter of Linux. */
const names = process.platform === "linux" ? ["send", "receive", "accept"] : ["send"]

/** What it calls of Node is found when Node loads it; macOS has to be told so. */
const shared = process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared", "-fPIC"]

/** What it was built from lies beside it: when files were changed says nothing where they were copied or unpacked. */
const isOf = (binary, built, source) =>
  existsSync(binary) && existsSync(built) && readFileSync(built).equals(readFileSync(source))

/** Says what failed; undefined: it is there, and loads. Others may be started beside this, and build it, too. */
function build(binary, source) {
  const made = `${binary}.${process.pid}.node`
  rmSync(binary, { force: true })
  const given = ["-O2", "-Wall", "-Werror", ...shared, "-I", headers, "-o", made, source]
  const { status, error, stderr } = spawnSync("cc", given, { encoding: "utf8" })
  if (error !== undefined) return "there is no C compiler (`cc`)"
  if (status !== 0) return `it does not compile:\n${stderr}`
  try {
    createRequire(import.meta.url)(made)
    renameSync(made, binary)
    return undefined
  } catch (cause) {
    rmSync(made)
    return `it does not load: ${cause.message}`
  }
}

mkdirSync(folder, { recursive: true })
for (const name of names) {
  const [binary, built, source] = [`${folder}/${name}.node`, `${folder}/${name}.c`, `${native}/${name}.c`]
  if (isOf(binary, built, source)) continue
  const failed = build(binary, source)
  if (failed === undefined) {
    copyFileSync(source, built)
    console.log(`native/${name}: built`)
  } else console.warn(`native/${name}: WARNING: ${failed}. The server works, and takes more processor time.`)
}
