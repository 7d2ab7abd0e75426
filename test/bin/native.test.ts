/** What npm runs after installing, and before starting and tests: the addons of native/ are those of this source. */
import { spawnSync } from "node:child_process"
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"

const root = join(import.meta.dirname, "../..")

describe("the addons", () => {
  let folder: string
  /** A repository of its own with nothing built. */
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "noriter-native-"))
    for (const name of ["scripts", "native"]) mkdirSync(join(folder, name))
    for (const file of ["scripts/build-native.mjs", "native/send.c", "native/receive.c"]) {
      cpSync(join(root, file), join(folder, file))
    }
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  /** Reading many sockets at once is a matter of Linux. */
  const names = process.platform === "linux" ? ["send", "receive"] : ["send"]

  const build = () =>
    spawnSync(process.execPath, [join(folder, "scripts/build-native.mjs")], { encoding: "utf8" }).stdout.trim()

  it("are built once, and anew where their source is another, also where that is older", () => {
    assert.strictEqual(build(), names.map((name) => `native/${name}: built`).join("\n"))
    assert.strictEqual(build(), "")
    appendFileSync(join(folder, "native/send.c"), "/* another */\n")
    assert.strictEqual(build(), "native/send: built")
    assert.strictEqual(build(), "")
    cpSync(join(root, "native/send.c"), join(folder, "native/send.c"), { preserveTimestamps: true })
    assert.strictEqual(build(), "native/send: built")
  })

  it("are built anew where the binary is gone", () => {
    build()
    rmSync(join(folder, "native/build/send.node"))
    assert.strictEqual(build(), "native/send: built")
    assert.isTrue(existsSync(join(folder, "native/build/send.node")))
  })
})
