/** What is wrong with presence is found by reading it, and mended (rule P1): each kind planted, found twice, repaired. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { MemberRecord, PresenceState } from "../../gen/noriter/space/v1/records.ts"
import type { Change } from "../../src/space/SharedSpace.ts"
import { memberKey } from "../../src/space/Tag.ts"
import { audit, lasting, repair } from "../../src/watch/Audit.ts"
import { broomOf } from "../../src/watch/Sweep.ts"
import { commitOf } from "../contract/SharedSpaceCommits.ts"
import { membersIn } from "../space/Members.ts"
import { standing } from "../space/Standing.ts"

/** A guest who stands in park/1, and whoever audits it. */
const scene = Effect.gen(function* () {
  const { twins, first, held, member } = yield* standing
  const { generation, incarnation } = first.self
  const graces = { lostShownMs: 5_000, resumeGraceMs: 30_000 }
  const broom = broomOf(first.space, generation, graces, Effect.succeed(["park/1", "park/2"]))
  const gone = new Set<string>()
  const look = audit(broom, (id) => gone.has(id))
  /** Puts this member as it is told, whoever owned it. */
  const plant = (channel: string, number: number, change: Partial<MemberRecord>) => {
    const value = MemberRecord.encode({ ...member.record, ...change }).finish()
    const put: Change = { _tag: "Put", key: memberKey(number), value, owner: held.owner }
    const count: Change = { _tag: "Count", counter: "members", by: 1, max: 9 }
    return first.space.commit(commitOf(channel, { generation, changes: [put, count] }))
  }
  return { twins, broom, gone, look, plant, incarnation }
})

const kindsIn = (found: { readonly defects: ReadonlyArray<{ readonly kind: string }> }) =>
  found.defects.map(({ kind }) => kind)

describe("audit", () => {
  it.effect("finds nothing where all is well", () =>
    Effect.gen(function* () {
      const { look } = yield* scene
      assert.deepStrictEqual(yield* look, { defects: [], members: 1 })
    })
  )

  it.effect("finds a ghost, whose runner is gone, and leaves it to the sweep", () =>
    Effect.gen(function* () {
      const { look, gone, incarnation, broom } = yield* scene
      gone.add(incarnation.id)
      const found = yield* look
      assert.deepStrictEqual(kindsIn(found), ["ghost"])
      for (const defect of found.defects) assert.isFalse(yield* repair(broom, defect))
    })
  )

  it.effect("finds an orphan and a double, and removes them", () =>
    Effect.gen(function* () {
      const { look, plant, broom, twins } = yield* scene
      yield* plant("park/1", 8, { session: "s_old", guest: "g_B" })
      yield* plant("park/2", 9, {})
      const [before, found] = [yield* look, yield* look]
      assert.sameMembers([...kindsIn(found)], ["orphan", "double"])
      assert.lengthOf(lasting(found, before), 2)
      for (const defect of lasting(found, before)) assert.isTrue(yield* repair(broom, defect))
      assert.deepStrictEqual((yield* look).defects, [])
      assert.lengthOf([...membersIn(twins, "park/1"), ...membersIn(twins, "park/2")], 1)
    })
  )

  it.effect("finds a member that is not as its session says, and makes it so", () =>
    Effect.gen(function* () {
      const { look, plant, broom, twins } = yield* scene
      yield* plant("park/1", 1, { state: PresenceState.PRESENCE_STATE_AWAY })
      const found = yield* look
      assert.deepStrictEqual(kindsIn(found), ["astray"])
      for (const defect of found.defects) assert.isTrue(yield* repair(broom, defect))
      assert.deepStrictEqual(
        membersIn(twins, "park/1").map(({ state }) => state),
        [PresenceState.PRESENCE_STATE_PRESENT]
      )
    })
  )

  it.effect("what changes between two looks is somebody's work, and no defect", () =>
    Effect.gen(function* () {
      const { look, plant } = yield* scene
      yield* plant("park/1", 8, { session: "s_old", guest: "g_B" })
      const before = yield* look
      yield* plant("park/1", 8, { session: "s_older", guest: "g_B" })
      assert.deepStrictEqual(lasting(yield* look, before), [])
    })
  )
})
