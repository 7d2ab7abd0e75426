/** What the commands of this repository say of themselves, and of options that are none. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"

const services = join(import.meta.dirname, "../../scripts/services.ts")
const run = (...given: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [services, ...given], { encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } })

describe("a command of the repository", () => {
  it("says with --help what its file says of itself", () => {
    const { status, stdout } = run("--help")
    assert.strictEqual(status, 0)
    assert.match(stdout, /^`npm run services -- start \| stop \| status/)
    assert.notInclude(stdout, "*")
  })

  it("refuses an option that is none in one line, with 2", () => {
    const { status, stdout, stderr } = run("status", "--bad")
    assert.strictEqual(status, 2)
    assert.strictEqual(stdout, "")
    assert.strictEqual(stderr, "Unknown option '--bad'; --help says which there are\n")
  })
})
