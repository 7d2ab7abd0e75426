/** What of the benches is C: compiled by `cc` where it is not yet, or older than its source. */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, statSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")
const folder = join(root, ".cache/bench")

/** The program made of all of `bench/<name>`. */
export function compiled(name: "load" | "floor"): string {
  const sources = join(root, "bench", name)
  const binary = join(folder, name)
  const files = readdirSync(sources).map((file) => join(sources, file))
  const changed = Math.max(...files.map((file) => statSync(file).mtimeMs))
  if ((statSync(binary, { throwIfNoEntry: false })?.mtimeMs ?? 0) > changed) return binary
  process.stderr.write(`compiling bench/${name} …\n`)
  mkdirSync(folder, { recursive: true })
  const given = ["-O2", "-Wall", "-Wextra", "-o", binary, ...files.filter((file) => file.endsWith(".c")), "-lm"]
  const { status, error, stderr } = spawnSync("cc", given, { encoding: "utf8" })
  if (error !== undefined) throw new Error(`bench/${name} is C, and there is no compiler: install one as \`cc\``)
  if (status !== 0) throw new Error(`bench/${name} does not compile:\n${stderr}`)
  return binary
}
