/** The lines of the SDK's README, as a newcomer copies them, run as a program of their own against a plaza in process. */
import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { connect } from "../../sdk/typescript/src/Plaza.ts"
import { tcp } from "../../sdk/typescript/src/Tcp.ts"
import { startPlaza } from "../../sdk/typescript/src/Testing.ts"

const folder = resolve(import.meta.dirname, "../../sdk/typescript")
const source = (file: string): string => pathToFileURL(join(folder, "src", file)).href

/** The first lines of TypeScript in the README. */
const bot = readFile(join(folder, "README.md"), "utf8").then((text) => /```ts\n([\s\S]*?)```/.exec(text)?.[1] ?? "")

describe("The README's bot", () => {
  it("is ten lines under its imports", async () => {
    const lines = (await bot).split("\n").filter((line) => line !== "" && !line.startsWith("import "))
    assert.strictEqual(lines.length, 10)
  })

  it("says its line, walks two metres, leaves, and ends", async () => {
    await using server = await startPlaza()
    const watcher = connect({ transport: tcp(server), nickname: "구름" })
    const seen: Array<string> = []
    const walked: Array<number> = []
    watcher.on("said", ({ nickname, text }) => seen.push(`${nickname}: ${text}`))
    watcher.on("moved", ({ xCm }) => walked.push(...xCm))
    const left = new Promise((resolve) => watcher.on("disappeared", ({ reason }) => resolve(reason)))
    await watcher.enter({ playground: "park" })

    const copy = (await bot)
      .replace("@noriter/client/tcp", source("Tcp.ts"))
      .replace("@noriter/client", source("Plaza.ts"))
      .replace("4700", `${server.port}`)
    const scratch = await mkdtemp(join(tmpdir(), "noriter-readme-"))
    try {
      await writeFile(join(scratch, "bot.mts"), copy)
      const { stdout } = await promisify(execFile)(process.execPath, [join(scratch, "bot.mts")])
      assert.strictEqual(stdout, "산책봇: 안녕하세요\n")
    } finally {
      await rm(scratch, { recursive: true })
    }
    assert.strictEqual(await left, "GONE_REASON_LEFT")
    assert.deepStrictEqual(seen, ["산책봇: 안녕하세요"])
    assert.isAtLeast(Math.max(...walked) - Math.min(...walked), 100)
    watcher.close()
    await watcher.closed
  }, 60_000)
})
