/** What an ensemble that falls silent must not do to the sockets of others: scripts/zookeeper.patch. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { setTimeout as passed } from "node:timers/promises"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ownServices, withServices } from "../services/Services.ts"

/** Twice the session of the process beside. */
const silentMs = 2_000
const silences = 3

await withServices("an ensemble that falls silent", ["zookeeper"], () => {
  it.live(
    "takes no event from a socket that is opened meanwhile",
    () =>
      Effect.gen(function* () {
        const { urls, set } = yield* ownServices("zookeeper")
        const pid = yield* Effect.promise(() => set.pid("zookeeper"))
        if (pid === undefined) return yield* Effect.die("no process")
        yield* Effect.addFinalizer(() => Effect.sync(() => void process.kill(pid, "SIGCONT")))
        const program = new URL("SocketsBeside.ts", import.meta.url).pathname
        const beside = yield* Effect.acquireRelease(
          Effect.sync(() => spawn(process.execPath, [program, urls.zookeeper], { stdio: ["pipe", "pipe", "inherit"] })),
          (child) => Effect.sync(() => void child.kill("SIGKILL"))
        )
        const ended = once(beside, "exit")
        const lines = createInterface(beside.stdout)[Symbol.asyncIterator]()
        const said = Effect.promise(async () => (await lines.next()).value)

        assert.strictEqual(yield* said, "joined")
        for (let silence = 0; silence < silences; silence++) {
          process.kill(pid, "SIGSTOP")
          yield* Effect.promise(() => passed(silentMs))
          process.kill(pid, "SIGCONT")
          assert.strictEqual(yield* said, "joined")
        }
        beside.stdin.end()
        assert.strictEqual(yield* said, "0 deaf")
        assert.deepStrictEqual(yield* Effect.promise(() => ended), [0, null])
      }),
    40_000
  )
})
