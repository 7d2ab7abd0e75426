/**
 * What only a real ensemble can do to the roster: fall silent, be away, end a session; and what the addon must not do to
 * us meanwhile: hold the event loop.
 */
import { execFile } from "node:child_process"
import { connect } from "node:net"
import { promisify } from "node:util"
import { assert, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { vi } from "vitest"
import { compareEpochs, Roster } from "../../src/link/Roster.ts"
import * as ZooKeeper from "../../src/link/ZooKeeper.ts"
import * as ZooKeeperRoster from "../../src/link/ZooKeeperRoster.ts"
import { unique, until } from "../contract/Eventually.ts"
import { freezable, ownServices, withServices } from "../services/Services.ts"

const sessionMs = 1_000

/** One runner's, until the test ends. */
const rosterOf = (servers: string, prefix = `${unique("roster")}.`) =>
  Effect.map(Layer.build(ZooKeeperRoster.layer({ servers, sessionMs, prefix })), Context.get(Roster))

const join = Effect.fnUntraced(function* (roster: Roster["Service"], runner: string) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const membership = yield* roster.join(runner).pipe(Scope.provide(scope))
  return { ...membership, leave: Scope.close(scope, Exit.void) }
})

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const beganMs = performance.now()
    return Effect.map(effect, (value) => ({ value, tookMs: performance.now() - beganMs }))
  })

/** The longest that a timer was late while the effect ran. */
const heldMs = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  let last = performance.now()
  let most = 0
  const look = () => {
    const now = performance.now()
    most = Math.max(most, now - last - 10)
    last = now
  }
  const timer = setInterval(look, 10)
  yield* Effect.ensuring(
    effect,
    Effect.sync(() => clearInterval(timer))
  )
  look()
  return most
})

/** What a server says of itself. */
const asked = (server: string, word: string) =>
  Effect.callback<string>((resume) => {
    const [host = "", port = ""] = server.split(":")
    let said = ""
    const socket = connect(Number(port), host, () => socket.write(word))
    socket.on("data", (bytes) => {
      said += bytes.toString()
    })
    socket.on("close", () => resume(Effect.succeed(said)))
  })

await withServices("the roster of a real ensemble", ["zookeeper"], ({ zookeeper }) => {
  it.live("an ensemble that falls silent: expired within the session, nothing held, joined anew after it", () =>
    Effect.gen(function* () {
      const { url: servers, freeze, thaw } = yield* freezable("zookeeper")
      const roster = yield* rosterOf(servers)
      const first = yield* join(roster, "a")
      const staying = yield* join(roster, "b")
      const held = yield* heldMs(
        Effect.gen(function* () {
          yield* freeze
          const { tookMs } = yield* timed(Effect.all([first.expired, staying.expired], { concurrency: 2 }))
          assert.isAtMost(tookMs, sessionMs + 50, "before the servers may say so")
          assert.isAbove(tookMs, sessionMs / 2)
          const asks = Array.from({ length: 8 }, () => Effect.flip(roster.living))
          const away = yield* timed(Effect.all(asks, { concurrency: "unbounded" }))
          for (const { operation } of away.value) assert.strictEqual(operation, "living")
          assert.isBelow(away.tookMs, 5_500)
          yield* first.leave
          yield* thaw
        })
      )
      assert.isBelow(held, 200)
      const second = yield* join(roster, "a").pipe(Effect.retry({ times: 5 }))
      assert.isBelow(compareEpochs(first.incarnation.epoch, second.incarnation.epoch), 0)
      const living = Effect.map(roster.living, (all) => all.map(({ id }) => id))
      yield* Effect.repeat(living, { until: (ids) => ids.length === 1 }).pipe(Effect.timeout("3 seconds"))
      assert.deepStrictEqual(yield* living, [second.incarnation.id])
    })
  )

  it.live("leaving just when it has fallen silent holds nothing, and ends", () =>
    Effect.gen(function* () {
      const { url: servers, freeze } = yield* freezable("zookeeper")
      const roster = yield* rosterOf(servers)
      const { leave, expired } = yield* join(roster, "a")
      const held = yield* heldMs(
        Effect.gen(function* () {
          yield* freeze
          const { tookMs } = yield* timed(Effect.andThen(leave, expired))
          assert.isBelow(tookMs, 1_000)
          // The addon is let go of once it has noticed, too.
          yield* Effect.sleep(sessionMs)
        })
      )
      assert.isBelow(held, 200)
    })
  )

  it.live("a silence shorter than the session is none", () =>
    Effect.gen(function* () {
      const { url: servers, freeze, thaw } = yield* freezable("zookeeper")
      const roster = yield* rosterOf(servers)
      const { incarnation, expired } = yield* join(roster, "a")
      const expiring = yield* Effect.forkChild(expired)
      for (let times = 0; times < 3; times++) {
        yield* freeze
        yield* Effect.sleep(sessionMs / 3)
        yield* thaw
        yield* Effect.sleep(sessionMs / 3)
      }
      assert.deepStrictEqual(yield* roster.living, [incarnation])
      assert.isUndefined(expiring.pollUnsafe())
      yield* Fiber.interrupt(expiring)
    })
  )

  it.live("a runner that stood still takes itself for expired, and its node goes", () =>
    Effect.gen(function* () {
      const prefix = `${unique("still")}.`
      const roster = yield* rosterOf(zookeeper, prefix)
      const { expired, incarnation } = yield* join(roster, "a")
      // Not so long that the server would end it too.
      const still = new Int32Array(new SharedArrayBuffer(4))
      yield* Effect.sync(() => Atomics.wait(still, 0, 0, sessionMs * 0.85))
      yield* Effect.timeout(expired, "1 second")
      const gone = Effect.map(roster.living, (all) => !all.some(({ id }) => id === incarnation.id))
      yield* Effect.repeat(gone, { until: (isGone) => isGone }).pipe(Effect.timeout("3 seconds"))
    })
  )

  it.live("whoever has left has left no session behind", () =>
    Effect.gen(function* () {
      const { urls } = yield* ownServices("zookeeper")
      const sessions = Effect.map(asked(urls.zookeeper, "cons"), (lines) => lines.split("sid=").length - 1)
      // Well before the server would end a forgotten one by itself.
      const are = (count: number) =>
        Effect.timeout(Effect.repeat(sessions, { until: (now) => now === count }), sessionMs / 2)
      const scope = yield* Scope.fork(yield* Effect.scope)
      const roster = yield* rosterOf(urls.zookeeper).pipe(Scope.provide(scope))
      for (let life = 0; life < 5; life++) yield* Effect.flatMap(join(roster, "a"), ({ leave }) => leave)
      yield* join(roster, "a").pipe(Scope.provide(scope))
      yield* are(1) // the roster's, in which its incarnations live
      yield* Scope.close(scope, Exit.void)
      yield* are(0)
    })
  )

  it.live("word of a change comes also after its session was lost", () =>
    Effect.gen(function* () {
      const { url: servers, freeze, thaw } = yield* freezable("zookeeper")
      const prefix = `${unique("word")}.`
      const roster = yield* rosterOf(servers, prefix)
      const { expired } = yield* join(roster, "a")
      yield* freeze
      yield* expired
      let changes = 0
      yield* roster.onChange(() => void changes++)
      yield* thaw
      yield* until("word that much may have changed", () => changes > 0)
      const before = changes
      yield* join(roster, "b")
      yield* until("word of the joining", () => changes > before)
    })
  )

  it.live("whoever has no word of joining, and joins again, is there once", () =>
    Effect.gen(function* () {
      let isCut = false
      /** One node is made, and nobody hears of it. */
      const connect: typeof ZooKeeper.connect = (options) =>
        Effect.map(ZooKeeper.connect(options), (session) => {
          const create: typeof session.create = (path, data, kind) =>
            Effect.tap(session.create(path, data, kind), () => {
              if (isCut || kind === "persistent") return Effect.void
              isCut = true
              return Effect.fail(
                new ZooKeeper.ZooKeeperError({ reason: "Lost", operation: "create", cause: "planted" })
              )
            })
          return Object.create(session, { create: { value: create } })
        })
      const options = { servers: zookeeper, sessionMs, prefix: `${unique("roster")}.` }
      const roster = Context.get(yield* Layer.build(ZooKeeperRoster.layer(options, connect)), Roster)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(join(roster, "a"))))
      const { incarnation } = yield* join(roster, "a")
      assert.deepStrictEqual(yield* roster.living, [incarnation])
    })
  )

  it.live("a server whose name nobody knows just now keeps nobody from the others", () =>
    Effect.gen(function* () {
      const roster = yield* rosterOf(`gone.invalid:2181,${zookeeper}`)
      const { incarnation } = yield* join(roster, "a")
      assert.deepStrictEqual(yield* roster.living, [incarnation])
    })
  )

  it.live("worlds that share an ensemble do not see each other", () =>
    Effect.gen(function* () {
      const [one, other] = [yield* rosterOf(zookeeper), yield* rosterOf(zookeeper)]
      const { incarnation } = yield* join(one, "a")
      assert.deepStrictEqual(yield* one.living, [incarnation])
      assert.deepStrictEqual(yield* other.living, [])
      const from = yield* one.generation
      yield* one.raise(from)
      assert.strictEqual((yield* other.generation).n, 0)
    })
  )

  it.live("the era is when the root was made, for whoever comes later too", () =>
    Effect.gen(function* () {
      const prefix = `${unique("era")}.`
      const first = yield* rosterOf(zookeeper, prefix)
      const second = yield* rosterOf(zookeeper, prefix)
      const era = yield* first.era(0)
      assert.isBelow(Math.abs(era - Date.now()), 60_000)
      assert.strictEqual(yield* second.era(0), era)
      // Several find a marker of an older ensemble at once: they agree on one era above it.
      const raised = yield* Effect.all([first.era(era + 5), second.era(era + 5)], { concurrency: 2 })
      assert.deepStrictEqual(raised, [era + 6, era + 6])
    })
  )
})

it.live("nobody there, no such host, no such prefix: refused in bounded time, by name", () =>
  Effect.gen(function* () {
    const away = yield* timed(Effect.flip(rosterOf("127.0.0.1:1")))
    assert.strictEqual(away.value.operation, "connect")
    assert.isBelow(away.tookMs, 5_500)
    const nowhere = yield* Effect.flip(rosterOf("no-such-host.invalid:2181"))
    assert.match(String(nowhere.cause), /no-such-host/)
    const noPort = yield* Effect.flip(rosterOf("127.0.0.1"))
    assert.match(String(noPort.cause), /host:port/)
    const slash = yield* Effect.flip(rosterOf("127.0.0.1:1", "a/b"))
    assert.match(String(slash.cause), /letters, digits/)
  }).pipe(Effect.scoped)
)

it.live("an addon that cannot be loaded is why there is no session", () =>
  Effect.gen(function* () {
    vi.doMock("zookeeper", () => {
      throw new Error("planted: built for another Node")
    })
    const refused = yield* Effect.flip(Effect.scoped(ZooKeeper.connect({ servers: "127.0.0.1:1", sessionMs })))
    assert.strictEqual(refused.reason, "Unloadable")
  }).pipe(Effect.ensuring(Effect.sync(() => vi.doUnmock("zookeeper"))))
)

it.live("whoever opens no session does not load the addon", () =>
  Effect.gen(function* () {
    const roster = new URL("../../src/link/ZooKeeperRoster.ts", import.meta.url).href
    const looks = `await import(${JSON.stringify(roster)}); console.log(process.report.getReport().sharedObjects.join())`
    const { stdout } = yield* Effect.promise(() =>
      promisify(execFile)(process.execPath, ["--input-type=module", "-e", looks])
    )
    assert.match(stdout, /libc/)
    assert.notMatch(stdout, /zookeeper/)
  })
)
