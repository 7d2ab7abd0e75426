/** The services command, as people and machines call it. Redis alone: the others start the same way, and take seconds. */
import { execFile } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, it } from "@effect/vitest"
import { withServices } from "./Services.ts"

const run = promisify(execFile)
const script = join(import.meta.dirname, "../../scripts/services.ts")

await withServices("npm run services", ["redis"], () => {
  it("starts once, says where on one line, and stops with nothing left", async () => {
    const folder = await mkdtemp(join(tmpdir(), "noriter-"))
    const services = async (...given: ReadonlyArray<string>) =>
      (await run(process.execPath, [script, ...given, "--dir", folder])).stdout
    try {
      const [first, second] = await Promise.all([services("start", "redis"), services("start", "redis")])
      assert.strictEqual(first, second, "two who start at once find the same server")
      assert.match(await services("status", "redis", "--json"), /^\{"redis":"redis:\/\/127\.0\.0\.1:\d+"\}\n$/)
      await services("stop")
      const stopped = await services("status", "redis").catch((error: { readonly stdout: string }) => error.stdout)
      assert.match(stopped, /^redis +not running\n$/)
    } finally {
      await services("stop")
      await rm(folder, { recursive: true, force: true })
    }
  })
})
