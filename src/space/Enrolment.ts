/**
 * The incarnations that may have left something behind, in one tag of their own. Each is enrolled before it writes
 * anything else, and struck when nothing of it is left: the list may name too much, never too little, as an index does
 * (rule P6). Without it a tag whose runner died together with its node could not be found. Each says there what it can
 * decide, too. Owns the list; who is dead and what is left of them is the watcher's.
 */
import * as Effect from "effect/Effect"
import { type Generation, type Incarnation, isSameGeneration } from "../link/Roster.ts"
import { type Change, type CommitRefused, commitOf, type SharedSpace, type SpaceError } from "./SharedSpace.ts"

const enrolmentTag = "incarnations"

type Space = SharedSpace["Service"]

/** Rises with each release that asks something of the log which the one before buries. Those of 0.1.0 say nothing. */
const decides = 1

/** To be done before an incarnation writes anything else, in every generation it lives to see. */
export const enrol = (
  space: Space,
  { id, runner, epoch }: Incarnation,
  generation: Generation
): Effect.Effect<void, CommitRefused | SpaceError> => {
  const owner = { incarnation: id, runner, epoch, connection: 0 }
  return change(space, generation, true, { _tag: "Put", key: id, value: Uint8Array.of(decides), owner })
}

/** To be done after everything of it is gone. */
export const strike = (space: Space, id: string, generation: Generation): Effect.Effect<void, SpaceError> =>
  change(space, generation, false, { _tag: "Delete", key: id }).pipe(
    // Where the list is of another generation, or gone, it stands there no more.
    Effect.catchTag("CommitRefused", () => Effect.void)
  )

/** All that are enrolled in this generation. */
export const enrolled = (space: Space, generation: Generation): Effect.Effect<ReadonlyArray<Incarnation>, SpaceError> =>
  Effect.map(space.snapshot(enrolmentTag, "", ""), (list) =>
    // A list of an older generation is void: what those left is void, too (rule L12).
    list.generation === undefined || !isSameGeneration(list.generation, generation)
      ? []
      : Array.from(list.entries.values(), ({ owner }) => owner)
          .filter((owner) => owner !== undefined)
          .map(({ incarnation: id, runner, epoch }) => ({ id, runner, epoch }))
  )

/** Incarnations that would bury some of what this release asks of the log: while runners are replaced, some may live. */
export const older = (space: Space): Effect.Effect<ReadonlyArray<string>, SpaceError> =>
  Effect.map(space.snapshot(enrolmentTag, "", ""), ({ entries }) =>
    Array.from(entries).flatMap(([id, { value }]) => ((value[0] ?? 0) < decides ? [id] : []))
  )

const change = (space: Space, generation: Generation, found: boolean, only: Change) =>
  Effect.asVoid(space.commit(commitOf({ tag: enrolmentTag, generation, found, changes: [only] })))
