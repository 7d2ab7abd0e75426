/** What `--apart` sets is the machine's: it is put back whichever way a bench ends. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, it } from "@effect/vitest"
import { loadCore } from "../../bench/harness/Program.ts"

const module = join(import.meta.dirname, "../../bench/harness/Apart.ts")
let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "noriter-apart-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A process that steers by this file, says so, and does what is to be done next. */
const steering = async (file: string, next: string): Promise<ChildProcess> => {
  const program = `import { receiveApart } from ${JSON.stringify(module)}
    receiveApart(${JSON.stringify(file)})
    console.log("set")
    process.stdin.once("data", () => { ${next} })`
  const child = spawn(process.execPath, ["--input-type=module-typescript", "--eval", program], {
    stdio: ["pipe", "pipe", "ignore"]
  })
  await once(child.stdout, "data")
  return child
}

it.each([
  ["comes to its end", "process.stdin.destroy()", undefined],
  ["fails", "throw new Error('planted')", undefined],
  ["is interrupted", "", "SIGINT"],
  ["is asked to end", "", "SIGTERM"],
  ["loses its terminal", "", "SIGHUP"]
] as const)("is put back by a bench that %s", async (_, next, signal) => {
  const file = join(folder, "rps_cpus")
  writeFileSync(file, "0\n")
  const child = await steering(file, next)
  assert.strictEqual(readFileSync(file, "utf8"), (1 << loadCore).toString(16))
  if (signal === undefined) child.stdin?.write("go\n")
  else child.kill(signal)
  await once(child, "exit")
  assert.strictEqual(readFileSync(file, "utf8"), "0")
})
