/** What an ensemble that falls silent must not do to the sockets of others: scripts/zookeeper.patch. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { setTimeout as passed } from "node:timers/promises"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { freezable, withServices } from "../services/Services.ts"

/** Twice the session of the process beside. */
const silentMs = 2_000
const silences = 3

await withServices("an ensemble that falls silent", ["zookeeper"], () => {
  it.live(
    "takes no event from a socket that is opened meanwhile",
    () =>
      Effect.gen(function* () {
        const { url, freeze, thaw } = yield* freezable("zookeeper")
        const program = new URL("SocketsBeside.ts", import.meta.url).pathname
        const beside = yield* Effect.acquireRelease(
          Effect.sync(() => spawn(process.execPath, [program, url], { stdio: ["pipe", "pipe", "inherit"] })),
          (child) => Effect.sync(() => void child.kill("SIGKILL"))
        )
        const ended = once(beside, "exit")
        const lines = createInterface(beside.stdout)[Symbol.asyncIterator]()
        const said = Effect.promise(async () => (await lines.next()).value)

        assert.strictEqual(yield* said, "joined")
        for (let silence = 0; silence < silences; silence++) {
          yield* freeze
          yield* Effect.promise(() => passed(silentMs))
          yield* thaw
          assert.strictEqual(yield* said, "joined")
        }
        beside.stdin.end()
        let last = yield* said
        while (last === "joined") last = yield* said
        assert.strictEqual(last, "0 deaf")
        assert.deepStrictEqual(yield* Effect.promise(() => ended), [0, null])
      }),
    40_000
  )
})
