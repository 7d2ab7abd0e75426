/** The SDK as it would be published: what is in it, whether tools and compilers can read it, and whether it runs alone. */
import { execFile } from "node:child_process"
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { publint } from "publint"
import { buildSdk } from "../../scripts/build-sdk.ts"

const root = resolve(import.meta.dirname, "../..")
const run = promisify(execFile)
let scratch = ""
let sdk = ""

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "noriter-sdk-"))
  sdk = join(scratch, "client")
  await mkdir(sdk)
  for (const file of ["package.json", "README.md", "LICENSE"]) {
    await cp(join(root, "sdk/typescript", file), join(sdk, file))
  }
  await buildSdk(sdk)
}, 120_000)
afterAll(() => rm(scratch, { recursive: true }))

/** A folder of a program that has the package, and nothing else. */
async function installed(name: string): Promise<string> {
  await mkdir(join(scratch, name, "node_modules/@noriter"), { recursive: true })
  await symlink(sdk, join(scratch, name, "node_modules/@noriter/client"))
  return join(scratch, name)
}

describe("The SDK's package", () => {
  it("holds what it says, and depends on nothing", async () => {
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json"], { cwd: sdk })
    const [packed]: ReadonlyArray<{ readonly files: ReadonlyArray<{ readonly path: string }> }> = JSON.parse(stdout)
    const modules = [
      "Conversation",
      "Limits",
      "Owner",
      "Place",
      "Plaza",
      "PlazaError",
      "Pulse",
      "Streams",
      "Tcp",
      "Testing",
      "Transport"
    ]
    const files = [...modules, "WebSocket", "gen/protocol"].flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.js`])
    const texts = ["LICENSE", "README.md", "package.json", "dist/Testing.LICENSES.txt"]
    assert.sameMembers(packed?.files.map(({ path }) => path) ?? [], [...files, ...texts])
    const manifest: object = JSON.parse(await readFile(join(sdk, "package.json"), "utf8"))
    assert.notProperty(manifest, "dependencies")
    assert.notProperty(manifest, "peerDependencies")
  }, 60_000)

  it("is what publint and attw like", async () => {
    const { messages } = await publint({ pkgDir: sdk, strict: true, pack: false })
    assert.deepStrictEqual(messages, [])
    // Exits with 1, and fails here, where a compiler would not find what Node finds. There is no CommonJS.
    await run(join(root, "node_modules/.bin/attw"), ["--pack", sdk, "--profile", "esm-only"])
  }, 120_000)

  it("has types that hold in a browser's program, and refuse what is wrong", async () => {
    const app = await installed("browser")
    await writeFile(
      join(app, "page.mts"),
      `import { connect, type PlazaError, webSocket } from "@noriter/client"
const plaza = connect({ transport: webSocket("wss://plaza.example/ws"), nickname: "바람" })
plaza.on("said", ({ text, seq, reach }) => [text.trim(), seq + 1, reach === "REACH_NEARBY"])
plaza.on("refused", ({ code }: PlazaError) => code === "QUEUE_FULL")
export const seq: Promise<number> = plaza.say({ text: "안녕" }).then(({ seq }) => seq)
export const nothing: void = plaza.move({ xCm: 1, yCm: 2 })
// @ts-expect-error: no such event
plaza.on("sang", () => {})
// @ts-expect-error: no such reach
plaza.say({ text: "안녕", reach: "REACH_FAR" })
// @ts-expect-error: a line has a text
plaza.say({})
// @ts-expect-error: greetings are the SDK's own
plaza.hello({})
`
    )
    const options = ["--strict", "--noEmit", "--target", "es2022", "--lib", "es2022,dom", "--module", "nodenext"]
    await run(join(root, "node_modules/.bin/tsc"), [...options, "--types", "", "page.mts"], { cwd: app })
  }, 60_000)

  it("runs with nothing else installed, its plaza in process too", async () => {
    const app = join(await installed("app"), "app.mjs")
    await writeFile(
      app,
      `import { connect } from "@noriter/client"
import { tcp } from "@noriter/client/tcp"
import { startPlaza } from "@noriter/client/testing"
const server = await startPlaza()
const plaza = connect({ transport: tcp(server), nickname: "바람" })
await plaza.enter({ playground: "park" })
const { seq } = await plaza.say({ text: "안녕하세요" })
console.log(seq)
plaza.close()
await server.stop()`
    )
    const { stdout, stderr } = await run(process.execPath, [app], { cwd: tmpdir() })
    assert.deepStrictEqual([stdout, stderr], ["1\n", ""])
  }, 60_000)
})
