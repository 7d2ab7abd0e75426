import { execFile } from "node:child_process"
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import manifest from "../../package.json" with { type: "json" }

const launcher = fileURLToPath(new URL("../../bin/noriter", import.meta.url))

/** A checkout with a main that says what it was given, and a PATH whose node is another version. */
const checkout = Effect.acquireRelease(
  Effect.sync(() => {
    const root = mkdtempSync(join(tmpdir(), "noriter "))
    for (const folder of ["bin", "src", "old", "new", "node_modules/.bin"])
      mkdirSync(join(root, folder), { recursive: true })
    cpSync(launcher, join(root, "bin/noriter"))
    symlinkSync("../../bin/noriter", join(root, "node_modules/.bin/noriter"))
    writeFileSync(join(root, "package.json"), '{"type":"module"}')
    writeFileSync(
      join(root, "src/main.ts"),
      "const args: string[] = process.argv.slice(2)\nconsole.log(JSON.stringify(args))\n"
    )
    writeFileSync(join(root, "old/node"), "#!/bin/sh\necho false\n")
    chmodSync(join(root, "old/node"), 0o755)
    symlinkSync(process.execPath, join(root, "new/node"))
    return root
  }),
  (root) => Effect.sync(() => rmSync(root, { recursive: true }))
)

const run = (root: string, command: string, path: string, args: ReadonlyArray<string>) =>
  Effect.callback<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resume) => {
    const env = { PATH: `${join(root, path)}:/usr/bin:/bin` }
    execFile(join(root, command), args, { env, cwd: tmpdir() }, (error, stdout, stderr) => {
      resume(Effect.succeed({ code: error === null ? 0 : Number(error.code), stdout, stderr }))
    })
  })

describe("bin/noriter", () => {
  it.live("runs with the Node in PATH, by its link too, and hands the arguments on as they are", () =>
    Effect.gen(function* () {
      const root = yield* checkout
      for (const command of ["bin/noriter", "node_modules/.bin/noriter"]) {
        const { stdout } = yield* run(root, command, "new", ["bots", "a b", "$HOME"])
        assert.strictEqual(stdout, '["bots","a b","$HOME"]\n')
      }
    })
  )

  it.live("prefers the Node that npm installed beside it to one of another version", () =>
    Effect.gen(function* () {
      const root = yield* checkout
      mkdirSync(join(root, "node_modules/node-linux-here/bin"), { recursive: true })
      symlinkSync(process.execPath, join(root, "node_modules/node-linux-here/bin/node"))
      const { stdout } = yield* run(root, "bin/noriter", "old", ["--version"])
      assert.strictEqual(stdout, '["--version"]\n')
    })
  )

  it("gives Node what npm start gives it", () => {
    const [exec = ""] = readFileSync(launcher, "utf8").match(/exec "\$node" .*/) ?? []
    const flagsOf = (line: string) => line.split(" ").filter((word) => word.startsWith("--"))
    assert.isNotEmpty(flagsOf(exec))
    assert.deepStrictEqual(flagsOf(exec), flagsOf(manifest.scripts.start))
  })

  it.live("says plainly that no Node fits", () =>
    Effect.gen(function* () {
      const root = yield* checkout
      mkdirSync(join(root, "node_modules/node-linux-elsewhere/bin"), { recursive: true })
      writeFileSync(join(root, "node_modules/node-linux-elsewhere/bin/node"), "of another machine")
      const { code, stdout, stderr } = yield* run(root, "bin/noriter", "old", [])
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.match(stderr, /^noriter: needs Node 24;/)
    })
  )
})
