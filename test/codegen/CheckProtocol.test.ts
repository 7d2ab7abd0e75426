/** Every gate of check:protocol on a copy of the tree: passes as it stands, and refuses one planted defect by name. */
import { execFile } from "node:child_process"
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { promisify } from "node:util"
import { afterAll, assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import { breaking, format, freshness, gates, lint, lock, type Verdict } from "../../scripts/check-protocol.ts"
import { plugin } from "../../src/codegen/Plugin.ts"

const root = resolve(import.meta.dirname, "..", "..")
const run = promisify(execFile)
let copy = ""

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "noriter-protocol-"))
  await symlink(join(root, "node_modules"), join(copy, "node_modules"))
})
beforeEach(async () => {
  await rm(join(copy, "proto"), { recursive: true, force: true })
  for (const part of [
    "proto",
    "gen",
    "sdk/typescript/src/gen",
    "src/codegen",
    "buf.yaml",
    "buf.gen.yaml",
    "buf.gen.boot.yaml",
    "protocol.lock.json",
    "docs/protocol.md"
  ]) {
    await mkdir(dirname(join(copy, part)), { recursive: true })
    await cp(join(root, part), join(copy, part), { recursive: true })
  }
})
afterAll(() => rm(copy, { recursive: true }))

async function change(path: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(join(copy, path), "utf8")
  const changed = text.replace(from, to)
  assert.notStrictEqual(changed, text, `${path} holds no ${from}`)
  await writeFile(join(copy, path), changed)
}

/** As a release does: the image and the lock of what stands. */
async function release(): Promise<void> {
  await mkdir(join(copy, "proto/released"), { recursive: true })
  const image = join(copy, "proto/released/v0.1.0.binpb")
  await run(join(root, "node_modules/.bin/buf"), ["build", "-o", image], { cwd: copy })
  await cp(join(copy, "protocol.lock.json"), join(copy, "proto/released/protocol.lock.json"))
}

function assertRefused(verdict: Verdict, line: string, detail: string): void {
  assert.isFalse(verdict.passed)
  assert.strictEqual(verdict.line, line)
  assert.include(verdict.details.join("\n"), detail)
}

describe("check:protocol", () => {
  it("is named like its plugin", () => assert.strictEqual(plugin.name, "protoc-gen-noriter"))

  it("passes on what stands, before and after a release", async () => {
    const before = await Promise.all([breaking(copy), lock(copy)])
    assert.deepStrictEqual(
      before.map((verdict) => verdict.line),
      ["no protocol is released yet, nothing can break", "no protocol is released yet, nothing is promised"]
    )
    await release()
    for (const gate of gates) {
      const verdict = await gate(copy)
      assert.isTrue(verdict.passed, `${verdict.gate}: ${verdict.line}\n${verdict.details.join("\n")}`)
    }
  }, 60_000)

  it("lint refuses a field without a comment", async () => {
    await change("proto/noriter/client/v1/chat.proto", "  // The line; kept as it is.\n", "")
    assertRefused(await lint(copy), "lint findings", `Field "text" should have a non-empty comment`)
  })

  it("format refuses a tab", async () => {
    await change("proto/noriter/client/v1/chat.proto", "  // The line; kept as it is.", "\t// The line; kept as it is.")
    assertRefused(
      await format(copy),
      "the protos are not formatted: run `buf format -w`",
      "+  // The line; kept as it is."
    )
  })

  it("breaking refuses a name changed, against the newest image", async () => {
    await release()
    await change("proto/noriter/client/v1/chat.proto", "  string kind = 2;", "  string sort = 2;")
    assertRefused(await breaking(copy), "clients of v0.1.0.binpb would break", "kind")
  })

  it("lock refuses a limit tightened, which buf does not see", async () => {
    await release()
    await change("proto/noriter/client/v1/chat.proto", "graphemes_max: 200", "graphemes_max: 100")
    await run(join(root, "node_modules/.bin/buf"), ["generate"], {
      cwd: copy,
      env: {
        ...process.env,
        PATH: `${dirname(process.execPath)}:${join(root, "node_modules/.bin")}:${process.env.PATH}`
      }
    })
    assert.isTrue((await breaking(copy)).passed)
    assertRefused(
      await lock(copy),
      "what was promised would break",
      "noriter.client.v1.SayRequest: text: graphemesMax was 200, is 100"
    )
  })

  it("freshness refuses an edit, a stray and a proto not generated for", async () => {
    await change("gen/registry.ts", "ratePerSecond: 10,", "ratePerSecond: 11,")
    await writeFile(join(copy, "gen/old.ts"), "")
    await writeFile(join(copy, "sdk/typescript/src/gen/old.ts"), "")
    await change("proto/noriter/client/v1/session.proto", "// Beat says nothing", "// Beat says nothing at all")
    const verdict = await freshness(copy)
    await rm(join(copy, "gen/old.ts"))
    await rm(join(copy, "sdk/typescript/src/gen/old.ts"))
    assert.isFalse(verdict.passed)
    assert.deepStrictEqual(verdict.details, [
      "docs/protocol.md differs",
      "gen/noriter/client/v1/session.ts differs",
      "gen/registry.ts differs",
      "sdk/typescript/src/gen/protocol.ts differs",
      "gen/old.ts is not generated",
      "sdk/typescript/src/gen/old.ts is not generated"
    ])
  })

  it("freshness says why generation fails", async () => {
    await change("proto/noriter/client/v1/chat.proto", "  option (noriter.options.v1.lane) = LANE_CLIENT;\n", "")
    assertRefused(await freshness(copy), "generation fails", "service noriter.client.v1.ChatConsumer: has no lane")
  })

  it("ends with 1 when a gate refuses", async () => {
    await change("proto/noriter/client/v1/chat.proto", "  // The line; kept as it is.", "\t// The line; kept as it is.")
    const ended = await run(process.execPath, [join(root, "scripts/check-protocol.ts"), copy]).then(
      () => ({ code: 0, stdout: "" }),
      (cause: { readonly code: number; readonly stdout: string }) => cause
    )
    assert.strictEqual(ended.code, 1)
    assert.include(
      ended.stdout,
      "ok lint: the protos keep to the rules in buf.yaml\nrefused format: the protos are not formatted"
    )
  })
})
