/** What every Roster keeps: who lives, in which epoch, and one generation for all. Needs one layer. */
import { assert, layer as over } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { compareEpochs, type Incarnation, Roster, type RosterError } from "../../src/link/Roster.ts"
import { unique, until } from "./Eventually.ts"

export interface Harness {
  /** Ends the session of an incarnation with the roster, as if nothing had been heard of it for too long. */
  readonly expire?: (incarnation: Incarnation) => Effect.Effect<void, never, Roster>
}

export function suite<E>(name: string, layer: Layer.Layer<Roster, E>, harness: Harness = {}): void {
  over(layer, { timeout: 30_000, excludeTestServices: true })(`Roster over ${name}`, (it) => {
    for (const [title, test] of Object.entries(cases)) it.effect(title, () => test, 30_000)
    const { expire } = harness
    if (expire === undefined) return
    it.effect("expiry ends a membership, and the next has a higher epoch", () => expiry(expire), 30_000)
  })
}

/** Joins in a scope of its own; the effect beside it leaves. */
const join = Effect.fnUntraced(function* (runner: string) {
  const roster = yield* Roster
  const scope = yield* Scope.fork(yield* Effect.scope)
  const membership = yield* roster.join(runner).pipe(Scope.provide(scope))
  return { ...membership, leave: Scope.close(scope, Exit.void) }
})

const living = Effect.fnUntraced(function* (runner: string) {
  const all = yield* (yield* Roster).living
  return all.filter((incarnation) => incarnation.runner.startsWith(runner)).map(({ id }) => id)
})

const epochsRise = Effect.gen(function* () {
  const runner = unique("r")
  const lives: Array<Incarnation> = []
  for (let life = 0; life < 3; life++) {
    const { incarnation, leave } = yield* join(runner)
    lives.push(incarnation)
    yield* leave
  }
  const other = yield* join(unique("r"))
  lives.push(other.incarnation)
  lives.reduce((before, after) => {
    assert.isBelow(compareEpochs(before.epoch, after.epoch), 0)
    assert.notStrictEqual(before.id, after.id)
    return after
  })
  for (const { id, runner: of } of lives) assert.match(id, new RegExp(`^${of}-[0-9]{10}$`))
})

const livingOldestFirst = Effect.gen(function* () {
  const runner = unique("r")
  const first = yield* join(`${runner}-z`)
  const second = yield* join(`${runner}-a`)
  assert.deepStrictEqual(yield* living(runner), [first.incarnation.id, second.incarnation.id])
  yield* first.leave
  assert.deepStrictEqual(yield* living(runner), [second.incarnation.id])
})

const changeIsTold = Effect.gen(function* () {
  const roster = yield* Roster
  let changes = 0
  const scope = yield* Scope.fork(yield* Effect.scope)
  yield* roster
    .onChange(() => {
      changes++
      throw new Error("planted: hurts nobody else")
    })
    .pipe(Scope.provide(scope))
  let seen = 0
  yield* roster.onChange(() => void seen++)
  const { leave } = yield* join(unique("r"))
  yield* until("word of the joining", () => changes > 0 && seen > 0)
  yield* Scope.close(scope, Exit.void)
  const before = changes
  seen = 0
  yield* leave
  yield* until("word of the leaving", () => seen > 0)
  assert.strictEqual(changes, before)
})

const leavingEndsIt = Effect.gen(function* () {
  const { expired, leave } = yield* join(unique("r"))
  const waiting = yield* Effect.forkChild(expired)
  yield* leave
  yield* Fiber.join(waiting).pipe(Effect.timeout("20 seconds"))
})

const raisedOnce = Effect.gen(function* () {
  const roster = yield* Roster
  const from = yield* roster.generation
  const all = yield* Effect.all(
    Array.from({ length: 8 }, () => roster.raise(from)),
    { concurrency: "unbounded" }
  )
  for (const generation of all) assert.deepStrictEqual(generation, { era: from.era, n: from.n + 1 })
  assert.deepStrictEqual(yield* roster.generation, { era: from.era, n: from.n + 1 })
  assert.deepStrictEqual(yield* roster.raise({ era: from.era + 1, n: from.n + 1 }), { era: from.era, n: from.n + 1 })
})

const eraNeverBelow = Effect.gen(function* () {
  const roster = yield* Roster
  const era = yield* roster.era(0)
  assert.strictEqual(yield* roster.era(era), era)
  const above = yield* roster.era(era + 5)
  assert.isAbove(above, era + 5, "an era of another ensemble is over: it would be taken for the same (rule E1)")
  assert.strictEqual(yield* roster.era(0), above)
  const { incarnation } = yield* join(unique("r"))
  assert.strictEqual(incarnation.epoch.era, above)
  assert.deepStrictEqual((yield* roster.generation).era, above)
})

const cases = {
  "epochs rise, over runners and lives": epochsRise,
  "names who lives, oldest first": livingOldestFirst,
  "says when that changes, until the scope closes": changeIsTold,
  "a membership has ended when its runner has left": leavingEndsIt,
  "a generation is raised once, whoever asks": raisedOnce,
  // Last: nobody can lower it again.
  "the era is never below Redis' marker's, and above it where it was": eraNeverBelow
}

const expiry = Effect.fnUntraced(function* (
  expire: (incarnation: Incarnation) => Effect.Effect<void, never, Roster>
): Effect.fn.Return<void, RosterError, Roster | Scope.Scope> {
  const runner = unique("r")
  const first = yield* join(runner)
  const waiting = yield* Effect.forkChild(first.expired)
  yield* expire(first.incarnation)
  yield* Fiber.join(waiting)
  assert.deepStrictEqual(yield* living(runner), [])
  const second = yield* join(runner)
  assert.isBelow(compareEpochs(first.incarnation.epoch, second.incarnation.epoch), 0)
  yield* first.leave // of an incarnation long gone: takes nothing of the next one with it
  assert.deepStrictEqual(yield* living(runner), [second.incarnation.id])
})
