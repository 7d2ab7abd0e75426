/** What the commands of this repository say of themselves, and of options that are none. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"

const root = join(import.meta.dirname, "../..")
const runOf = (file: string, ...given: ReadonlyArray<string>) =>
  spawnSync(process.execPath, [join(root, file), ...given], {
    encoding: "utf8",
    env: { ...process.env, NODE_OPTIONS: "" }
  })
const run = (...given: ReadonlyArray<string>) => runOf("scripts/services.ts", ...given)

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

  it("refuses a number that is none, or of which nothing would be run, with 2", () => {
    const commands: ReadonlyArray<readonly [file: string, option: string, least: number]> = [
      ["test/sim/plaza/main.ts", "schedules", 1],
      ["test/sim/plaza/main.ts", "processes", 1],
      ["test/chaos/main.ts", "runs", 1]
    ]
    for (const [file, option, least] of commands) {
      for (const text of ["x", `${least - 1}`, ""]) {
        const { status, stdout, stderr } = runOf(file, `--${option}=${text}`)
        assert.deepStrictEqual([status, stdout], [2, ""], `${file} --${option}=${text}`)
        assert.strictEqual(stderr, `--${option} takes a number, ${least} or more, and not ${text}\n`)
      }
    }
  }, 60_000)

  it("goes on to its end where nobody reads what it prints", async () => {
    const child = spawn(process.execPath, [join(root, "test/chaos/main.ts")], { stdio: ["ignore", "pipe", "pipe"] })
    child.stdout.destroy()
    let stderr = ""
    child.stderr.on("data", (chunk) => {
      stderr += chunk
    })
    await once(child, "close")
    assert.notInclude(stderr, "EPIPE")
    assert.strictEqual(child.exitCode, runOf("test/chaos/main.ts").status)
  }, 60_000)

  it("takes no option for the name of a folder", () => {
    for (const file of ["build-sdk", "check-protocol", "release"]) {
      assert.strictEqual(runOf(`scripts/${file}.ts`, "--help").status, 0)
      assert.strictEqual(runOf(`scripts/${file}.ts`, "--bad").status, 2)
    }
  }, 60_000)
})
