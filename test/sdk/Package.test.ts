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

describe("The SDK's package", () => {
  it("holds what it says, and depends on nothing", async () => {
    const { stdout } = await run("npm", ["pack", "--dry-run", "--json"], { cwd: sdk })
    const [packed]: ReadonlyArray<{ readonly files: ReadonlyArray<{ readonly path: string }> }> = JSON.parse(stdout)
    const modules = ["Conversation", "Owner", "Plaza", "PlazaError", "Pulse", "Streams", "Tcp", "Testing", "Transport"]
    const files = [...modules, "WebSocket", "gen/protocol"].flatMap((name) => [`dist/${name}.d.ts`, `dist/${name}.js`])
    assert.sameMembers(packed?.files.map(({ path }) => path) ?? [], [...files, "LICENSE", "README.md", "package.json"])
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

  it("runs with nothing else installed, its plaza in process too", async () => {
    await mkdir(join(scratch, "app/node_modules/@noriter"), { recursive: true })
    await symlink(sdk, join(scratch, "app/node_modules/@noriter/client"))
    const app = join(scratch, "app/app.mjs")
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
