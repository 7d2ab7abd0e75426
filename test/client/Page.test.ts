import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { get } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Page from "../../src/client/Page.ts"
import { echo, listenHttp } from "./Listening.ts"

const script = "console.log(1)\n".repeat(200)
let folder = ""
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "noriter-page-"))
  const dist = join(folder, "dist")
  await mkdir(join(dist, "assets"), { recursive: true })
  await mkdir(join(dist, ".git"))
  const files = {
    "index.html": "<!doctype html><title>놀이터</title>",
    "icon.svg": "<svg/>",
    "assets/index-BZ7qcnmE.js": script,
    "assets/plain.js": "1",
    "assets/큰 그림.png": "png",
    "what.xyz": "?",
    ".env": "secret",
    ".git/config": "secret"
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(dist, name), text)
  await writeFile(join(folder, "outside.txt"), "outside")
  await symlink(join(folder, "outside.txt"), join(dist, "link.txt"))
})
afterAll(() => rm(folder, { recursive: true }))

const serving = Effect.fnUntraced(function* (name = "dist") {
  const { port, http } = yield* listenHttp({}, echo)
  const page = yield* Page.load(join(folder, name))
  yield* http.mount(page)
  /** Asks for exactly this path: fetch would tidy it up. */
  const ask = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    Effect.promise(
      () =>
        new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>((resolve, reject) => {
          get({ host: "127.0.0.1", port, path, headers, method }, (response) => {
            const chunks: Array<Buffer> = []
            response.on("data", (chunk: Buffer) => chunks.push(chunk))
            response.on("end", () => {
              resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
            })
          }).on("error", reject)
        })
    )
  return { page, ask, port }
})

describe("Page", () => {
  it.live("is served with its types, guarded, what is named by its content for ever", () =>
    Effect.gen(function* () {
      const { ask, page } = yield* serving()
      assert.isTrue(page.isBuilt)
      const expected = [
        ["/", "text/html; charset=utf-8", "no-cache"],
        ["/?from=qr", "text/html; charset=utf-8", "no-cache"],
        ["/icon.svg", "image/svg+xml; charset=utf-8", "no-cache"],
        ["/assets/index-BZ7qcnmE.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"],
        ["/assets/plain.js", "text/javascript; charset=utf-8", "no-cache"],
        [`/assets/${encodeURIComponent("큰 그림.png")}`, "image/png", "no-cache"],
        ["/what.xyz", "application/octet-stream", "no-cache"]
      ] as const
      for (const [path, type, kept] of expected) {
        const { status, headers } = yield* ask(path)
        assert.deepStrictEqual([status, headers["content-type"], headers["cache-control"]], [200, type, kept], path)
        assert.match(String(headers["content-security-policy"]), /^default-src 'none'; script-src 'self';/)
        assert.notMatch(String(headers["content-security-policy"]), /unsafe|https?:|\*/)
        assert.strictEqual(headers["x-content-type-options"], "nosniff")
      }
    })
  )

  it.live("is sent small to who can read it so, and not again to who has it", () =>
    Effect.gen(function* () {
      const { ask } = yield* serving()
      const path = "/assets/index-BZ7qcnmE.js"
      const small = yield* ask(path, { "accept-encoding": "br, gzip" })
      assert.strictEqual(gunzipSync(small.body).toString(), script)
      assert.isBelow(small.body.length, script.length / 10)
      const whole = yield* ask(path)
      assert.deepStrictEqual([whole.body.toString(), whole.headers["content-encoding"]], [script, undefined])
      for (const [etag, encoding] of [
        [small.headers.etag, "gzip"],
        [whole.headers.etag, "identity"]
      ]) {
        const again = yield* ask(path, { "if-none-match": `${etag}`, "accept-encoding": `${encoding}` })
        assert.deepStrictEqual([again.status, again.body.length], [304, 0])
      }
      const head = yield* ask(path, {}, "HEAD")
      assert.deepStrictEqual([head.headers["content-length"], head.body.length], [`${script.length}`, 0])
    })
  )

  it.live("leads nowhere else", () =>
    Effect.gen(function* () {
      const { ask } = yield* serving()
      const paths = [
        "/../outside.txt",
        "/assets/../../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/..\\outside.txt",
        "//outside.txt",
        "/link.txt",
        "/.env",
        "/.git/config",
        "/assets",
        "/assets/",
        "/icon.svg/",
        "/%00",
        "/icon.svg%00.html",
        "/constructor",
        "/__proto__"
      ]
      for (const path of paths) {
        const { status, headers, body } = yield* ask(path)
        assert.deepStrictEqual([status, body.toString()], [404, "nothing is here\n"], path)
        assert.isDefined(headers["content-security-policy"])
      }
      assert.strictEqual((yield* ask("/", {}, "POST")).status, 405)
      assert.strictEqual((yield* ask("/healthz")).body.toString(), "ok\n")
    })
  )

  it.live("says that it is not built", () =>
    Effect.gen(function* () {
      const { ask, page } = yield* serving("none")
      assert.isFalse(page.isBuilt)
      const { status, body } = yield* ask("/")
      assert.deepStrictEqual([status, /not built/.test(body.toString())], [404, true])
    })
  )

  it.live("is no folder of everything", () =>
    Effect.gen(function* () {
      const large = join(folder, "large")
      yield* Effect.promise(async () => {
        await mkdir(large)
        for (let file = 0; file < 500; file++) await writeFile(join(large, `${file}.txt`), "")
      })
      assert.isFalse((yield* Page.load(large)).isBuilt)
      yield* Effect.promise(() => writeFile(join(large, "one more.txt"), ""))
      const failed = yield* Effect.flip(Page.load(large))
      assert.include(failed.message, "more than 500 files")
    })
  )
})
