import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpServer } from "../../src/client/HttpServer.ts"
import { examine, type Finding, page } from "../../src/command/Doctor.ts"
import { Settings } from "../../src/Settings.ts"
import { Process } from "../../src/telemetry/Process.ts"
import { fakeServer } from "./FakeServer.ts"

const quiet = { NORITER_TCP_PORT: "0", NORITER_HTTP_PORT: "0" }
const verdictOf = (findings: ReadonlyArray<Finding>, check: string) =>
  findings.filter((finding) => finding.check === check).map(({ verdict }) => verdict)

const operators = (reasons: ReadonlyArray<string>) =>
  Layer.build(
    HttpServer.layer(reasons.length === 0 ? Effect.void : Effect.fail(reasons)).pipe(
      Layer.provide(Layer.merge(Process.layer({ version: "1", protocol: 1 }), Settings.test({ httpPort: 0 })))
    )
  ).pipe(Effect.flatMap((context) => Effect.provide(HttpServer, context)))

describe("doctor", () => {
  it.live("finds nothing wrong on a machine where nothing runs", () =>
    Effect.gen(function* () {
      const findings = yield* examine(quiet)
      assert.deepStrictEqual(
        findings.filter(({ verdict }) => verdict === "wrong"),
        []
      )
      for (const check of ["node", "file descriptors", "zookeeper addon", "tls", "port for phones"]) {
        assert.isNotEmpty(verdictOf(findings, check), check)
      }
      assert.match(page(findings), /^fine {3}node /)
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("speaks to a server that runs: hello, ping, /readyz", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const { port } = yield* operators([])
      const findings = yield* examine({ NORITER_TCP_PORT: `${server.port}`, NORITER_HTTP_PORT: `${port}` })
      assert.deepStrictEqual(verdictOf(findings, "port for phones"), ["fine"])
      assert.deepStrictEqual(verdictOf(findings, "port for operators"), ["fine"])
      assert.deepStrictEqual(
        server.lines.map(({ key }) => key),
        ["hello", "ping"]
      )
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live(
    "finds a server that is not ready or refuses, and a port that somebody else has",
    () =>
      Effect.gen(function* () {
        const server = yield* fakeServer
        server.answer = () => ({ error: { code: "ERROR_CODE_UNAVAILABLE", message: "away" } })
        const { port } = yield* operators(["draining"])
        const findings = yield* examine({ NORITER_TCP_PORT: `${server.port}`, NORITER_HTTP_PORT: `${port}` })
        assert.deepStrictEqual(verdictOf(findings, "port for phones"), ["wrong"])
        assert.deepStrictEqual(verdictOf(findings, "port for operators"), ["wrong"])
        assert.match(page(findings), /503: draining/)
        const swapped = yield* examine({ NORITER_TCP_PORT: `${port}`, NORITER_HTTP_PORT: `${server.port}` })
        assert.deepStrictEqual(verdictOf(swapped, "port for phones"), ["wrong"])
      }).pipe(Effect.provide(NodeServices.layer)),
    20_000
  )

  it.live("finds settings that start would refuse, or that nothing reads", () =>
    Effect.gen(function* () {
      const unread = yield* examine({ ...quiet, NORITER_TICK: "x" })
      assert.deepStrictEqual(verdictOf(unread, "settings"), ["wrong"])
      const open = yield* examine({ ...quiet, NORITER_HOST: "0.0.0.0", NORITER_TCPPORT: "1" })
      assert.includeMembers(verdictOf(open, "settings"), ["wrong", "note"])
      const cert = yield* examine({ ...quiet, NORITER_TLS_CERT: "/nowhere", NORITER_TLS_KEY: "/nowhere" })
      assert.deepStrictEqual(verdictOf(cert, "tls"), ["wrong"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("reads the world file", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "noriter-"))),
        (made) => Effect.sync(() => rmSync(made, { recursive: true }))
      )
      const path = join(folder, "world.json")
      writeFileSync(path, "[]")
      assert.deepStrictEqual(verdictOf(yield* examine({ ...quiet, NORITER_WORLD: path }), "world"), ["wrong"])
    }).pipe(Effect.provide(NodeServices.layer))
  )

  it.live("says which neighbour cannot be reached", () =>
    Effect.gen(function* () {
      const { port } = yield* operators([])
      const reached = yield* examine({ ...quiet, NORITER_OTLP_URL: `http://127.0.0.1:${port}` })
      assert.deepStrictEqual(verdictOf(reached, "otlp"), ["fine"])
      const away = yield* examine({ ...quiet, NORITER_OTLP_URL: "http://127.0.0.1:1" })
      assert.deepStrictEqual(verdictOf(away, "otlp"), ["wrong"])
    }).pipe(Effect.provide(NodeServices.layer))
  )
})
