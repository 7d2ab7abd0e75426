/**
 * What is known of the present generation of the shared space as a whole: when it began, and whether what lasts was
 * rebuilt from facts in it. Until then a lasting tag that says nothing may have forgotten (rule L12). Kept in a tag of its
 * own, so that it is lost with what it speaks of. Who rebuilds, and how, is Rebuild's.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Generation, isSameGeneration } from "../link/Roster.ts"
import { settleMs } from "./Lives.ts"
import { Self } from "./Self.ts"
import { type Change, type Commit, commitOf, SharedSpace, type SpaceError, type TagState } from "./SharedSpace.ts"

export class Founding extends Context.Service<
  Founding,
  {
    /** When this generation began; undefined where it is over. What was asked before is not applied to channels (L13). */
    readonly beganMs: Effect.Effect<number | undefined, SpaceError>
    /** Whether everything of which the log has a fact is there: asked now, so it holds for what was read before. */
    readonly isRebuilt: Effect.Effect<boolean, SpaceError>
    /**
     * Whether a lasting tag says all there is to say, being read with `wholeKey`: it was written from the log in this
     * generation, or has nothing to be rebuilt from.
     */
    readonly counts: (state: Pick<TagState, "generation" | "entries">) => Effect.Effect<boolean, SpaceError>
  }
>()("noriter/space/Founding") {
  static readonly layer = Layer.effect(
    Founding,
    Effect.suspend(() => make)
  )
}

/** The tag it is kept in. */
export const foundingTag = "founding"
/** There once all facts were applied. */
export const rebuiltKey = "rebuilt"
/** Who rebuilds now. */
export const rebuildingKey = "rebuilding"
const beganKey = "began"
/** In a lasting tag: it was written from the log after everything was rebuilt. */
export const wholeKey = "whole"

export const whole: Change = { _tag: "Put", key: wholeKey, value: new Uint8Array(0) }

/** A write to the tag that needs no guard but the version it rests on. */
export const foundingCommit = (
  generation: Generation,
  change: Change & { readonly key: string },
  version: number
): Commit =>
  commitOf({
    tag: foundingTag,
    generation,
    found: true,
    reads: [{ key: change.key, version }],
    changes: [change]
  })

export const isOf = (state: Pick<TagState, "generation">, generation: Generation): boolean =>
  state.generation !== undefined && isSameGeneration(state.generation, generation)

/** A tag of another generation says nothing (rule L12). */
export const nothing: TagState = {
  generation: undefined,
  version: 0,
  applied: -1,
  nowMs: 0,
  sources: new Map(),
  entries: new Map(),
  heads: new Map(),
  counters: new Map(),
  remembered: [],
  lastIds: new Map(),
  factsWaiting: []
}

const make = Effect.gen(function* () {
  const space = yield* SharedSpace
  const self = yield* Self

  const read = (key: string) =>
    Effect.suspend(() => {
      const { generation } = self
      return Effect.map(space.read({ tag: foundingTag, keys: [key] }), (state) =>
        isOf(state, generation) ? state.entries.get(key)?.value : undefined
      )
    })
  const isRebuilt = Effect.map(read(rebuiltKey), (value) => value !== undefined)

  const began = Effect.gen(function* () {
    const { generation } = self
    const nowMs = yield* Clock.currentTimeMillis
    const change = { _tag: "Put", key: beganKey, value: Buffer.from(`${nowMs}`) } as const
    yield* space.commit(foundingCommit(generation, change, 0)).pipe(
      // Another was first, or the generation is over.
      Effect.catchTag("CommitRefused", () => Effect.void)
    )
    return yield* read(beganKey)
  })

  // Whoever starts while the others put back what they hold waits with them (rule E2).
  const nowMs = yield* Clock.currentTimeMillis
  const beganAt = yield* Effect.orElseSucceed(read(beganKey), () => undefined)
  const isNew = beganAt === undefined || nowMs - timeOf(beganAt) < settleMs
  if (self.generation.n > 1 && isNew) self.look("it has just begun")

  return Founding.of({
    beganMs: Effect.map(
      Effect.flatMap(read(beganKey), (value) => (value === undefined ? began : Effect.succeed(value))),
      (value) => (value === undefined ? undefined : timeOf(value))
    ),
    isRebuilt,
    counts: (state) =>
      Effect.suspend(() =>
        isOf(state, self.generation) && state.entries.has(wholeKey) ? Effect.succeed(true) : isRebuilt
      )
  })
})

const timeOf = (value: Uint8Array): number => Number(Buffer.from(value).toString())
