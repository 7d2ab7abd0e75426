/** Claims of a session that broke off: what the shared space has of them nobody may be left with (rules P1, P3). */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { PresenceState } from "../../gen/noriter/space/v1/records.ts"
import { settle, spaceAway, Twins, Watch } from "../space/Harness.ts"
import { wrongs } from "../space/Members.ts"
import { entering, hello, house } from "./House.ts"
import { isGuest, pass, sessionsIn, statesIn, tokenIn, unmoved } from "./Seen.ts"

describe("a claim that broke off", () => {
  /** Somebody stands in the park by one runner, comes back to another, is told that this did not work, and goes for good. */
  const broken = Effect.fnUntraced(function* (breakOff: (watch: Watch) => void) {
    const [twins, watch] = [new Twins(), new Watch()]
    const settings = { secret: Option.some(Redacted.make("one secret for all runners")) }
    const one = yield* house(twins, { settings })
    const two = yield* house(twins, { id: "r2", watch, settings, applies: false })
    const before = yield* one.connect(hello(), entering(2))
    const resumeToken = tokenIn(before)
    before.hangUp()
    yield* settle
    breakOff(watch)
    const after = yield* two.connect({ id: 3, resume: { resumeToken } })
    yield* pass(10_000)
    assert.deepStrictEqual(after.brief, ["3 UNAVAILABLE"])
    const owners = sessionsIn(twins).map(({ owner }) => owner?.runner)
    assert.deepStrictEqual(owners, ["r2"], "it is claimed all the same")
    after.hangUp()
    watch.before = watch.after = () => Effect.void
    return { twins, two, resumeToken }
  })

  const ways: ReadonlyArray<readonly [string, (watch: Watch) => void]> = [
    [
      "before there was word of it",
      (watch) => {
        watch.after = ({ tag }) => (isGuest(tag) ? Effect.fail(spaceAway) : Effect.void)
        watch.before = ({ token }) =>
          watch.commits.some((commit) => commit.token === token) ? Effect.fail(spaceAway) : Effect.void
      }
    ],
    [
      "before its member was taken over",
      (watch) => {
        watch.before = ({ tag }) => (tag === "park/1" ? Effect.fail(spaceAway) : Effect.void)
      }
    ]
  ]
  for (const [when, breakOff] of ways) {
    it.effect(`${when} leaves no ghost: as if its socket had been lost`, () =>
      Effect.gen(function* () {
        const { twins, two } = yield* broken(breakOff)
        yield* pass(45_000)
        assert.deepStrictEqual([sessionsIn(twins), statesIn(twins), [...two.sessions.all()]], [[], [], []])
      }).pipe(Effect.provideService(Random.Random, unmoved))
    )

    it.effect(`${when} is gone on with by the phone that comes again`, () =>
      Effect.gen(function* () {
        const { twins, two, resumeToken } = yield* broken(breakOff)
        yield* pass(20_000)
        const again = yield* two.connect({ id: 4, resume: { resumeToken } })
        yield* pass(45_000)
        assert.deepStrictEqual(again.brief, ["4 resume"])
        assert.deepStrictEqual(statesIn(twins), [PresenceState.PRESENCE_STATE_PRESENT])
        assert.deepStrictEqual(wrongs(twins, ["park/1"], []), [])
      }).pipe(Effect.provideService(Random.Random, unmoved))
    )
  }

  it.effect("which came to nothing does not have an enter of the one who is here taken for it", () =>
    Effect.gen(function* () {
      const watch = new Watch()
      const { connect } = yield* house(new Twins(), { watch })
      const phone = yield* connect(hello(1), entering(2))
      watch.before = ({ tag }) => (isGuest(tag) ? Effect.fail(spaceAway) : Effect.void)
      const other = yield* connect(hello(1))
      yield* pass(10_000)
      assert.deepStrictEqual(other.brief, ["1 UNAVAILABLE"])
      other.hangUp()
      const put = Deferred.makeUnsafe<void>()
      watch.before = ({ tag }) => (tag === "yard/1" ? Deferred.await(put) : Effect.void)
      phone.say(entering(3, "yard"))
      yield* pass(6_000)
      Deferred.doneUnsafe(put, Effect.void)
      yield* settle
      assert.isUndefined(phone.disconnectedWith)
      assert.strictEqual(phone.brief.at(-1), "3 enter")
    })
  )
})
