import * as NodeHttp from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Option, Schema } from "effect"
import * as Tracing from "../../src/telemetry/Tracing.ts"

const far = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }

const Spans = Schema.Struct({
  resourceSpans: Schema.Array(
    Schema.Struct({
      scopeSpans: Schema.Array(
        Schema.Struct({
          spans: Schema.Array(
            Schema.Struct({
              name: Schema.String,
              traceId: Schema.String,
              spanId: Schema.String,
              parentSpanId: Schema.optional(Schema.String)
            })
          )
        })
      )
    })
  )
})

/** Takes what is posted to /v1/traces. */
const collector = Effect.gen(function* () {
  const posted = yield* Deferred.make<string>()
  const server = yield* Effect.acquireRelease(
    Effect.callback<NodeHttp.Server>((resume) => {
      const listening = NodeHttp.createServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          response.end("{}")
          if (request.url === "/v1/traces") {
            Deferred.doneUnsafe(posted, Effect.succeed(Buffer.concat(chunks).toString()))
          }
        })
      }).listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
    }),
    (listening) =>
      Effect.sync(() => listening.closeAllConnections()).pipe(Effect.andThen(Effect.sync(() => listening.close())))
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}/`, posted: Deferred.await(posted) }
})

describe("Tracing", () => {
  it.live("exports a span below a trace from another process", () =>
    Effect.gen(function* () {
      const { url, posted } = yield* collector
      const inside = yield* Tracing.withSpan("apply", far, Tracing.currentTrace).pipe(
        Effect.provide(Tracing.layer({ url: Option.some(url), version: "1.2.3" }))
      )
      const body = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(Spans))(yield* posted)
      const spans = body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
      assert.strictEqual(spans.length, 1)
      assert.deepInclude(spans[0], { name: "apply", traceId: far.traceId, parentSpanId: far.spanId })
      assert.deepStrictEqual(inside, { traceId: far.traceId, spanId: spans[0]?.spanId ?? "" })
    })
  )

  it.live("begins traces, a hundred a second at most", () =>
    Effect.gen(function* () {
      const { url } = yield* collector
      yield* Effect.gen(function* () {
        let begun = 0
        for (let i = 0; i < 500; i++) {
          if ((yield* Tracing.withNewTrace("say", Tracing.currentTrace)) !== undefined) begun++
        }
        // The second may turn once while this runs.
        assert.isAtLeast(begun, 100)
        assert.isAtMost(begun, 200)
      }).pipe(Effect.provide(Tracing.layer({ url: Option.some(url), version: "1" })))
    })
  )

  it.effect("leaves an effect without a trace as it is", () =>
    Effect.gen(function* () {
      const effect = Effect.succeed(1)
      assert.strictEqual(Tracing.withSpan("x", undefined, effect), effect)
      assert.isUndefined(yield* Tracing.currentTrace)
    })
  )

  it.effect("off, begins nothing and hands on what came", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* Tracing.withNewTrace("say", Tracing.currentTrace))
      assert.deepStrictEqual(yield* Tracing.withSpan("apply", far, Tracing.currentTrace), far)
    }).pipe(Effect.provide(Tracing.layer({ url: Option.none(), version: "1" })))
  )
})
