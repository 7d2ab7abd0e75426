/** A rebuild that broke off leaves nothing behind; what it restores is tested where it is decided. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { foundingTag, rebuiltKey } from "../../src/space/Founding.ts"
import { rebuild } from "../../src/space/Rebuild.ts"
import { SharedSpace } from "../../src/space/SharedSpace.ts"
import { runner, Twins } from "./Harness.ts"

const keysIn = ({ space }: Twins) => [...space.snapshot(foundingTag, "", "").entries.keys()]

describe("a rebuild", () => {
  it.effect.each([1, 2])("whose space was away after write %d marks nothing and leaves no witness", (last) =>
    Effect.gen(function* () {
      const twins = new Twins()
      const { self, context, space } = yield* runner(twins)
      const before = keysIn(twins)
      let commits = 0
      const cut = Effect.sync(() => {
        if (++commits === last) twins.space.reconnect()
      })
      const failing = SharedSpace.of({ ...space, commit: (commit) => Effect.tap(space.commit(commit), cut) })
      const all = rebuild(self.generation, () => {})
      const failed = yield* all.pipe(
        Effect.provideService(SharedSpace, failing),
        Effect.provideContext(context),
        Effect.flip
      )
      assert.propertyVal(failed, "_tag", "RebuildFailed")
      assert.deepStrictEqual(keysIn(twins), before)
      yield* Effect.provideContext(all, context)
      assert.sameMembers(keysIn(twins), [...before, rebuiltKey])
    })
  )
})
