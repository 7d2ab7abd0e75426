/** Commits as the tests of SharedSpace write them, short where nothing is meant by it. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Generation } from "../../src/link/Roster.ts"
import type { RunnerLink } from "../../src/link/RunnerLink.ts"
import {
  type AppliedRecord,
  type Change,
  type Commit,
  CommitRefused,
  type Fact,
  type Guard,
  SharedSpace,
  type Tag
} from "../../src/space/SharedSpace.ts"
import { unique } from "./Eventually.ts"

export type Cases = Readonly<Record<string, Effect.Effect<unknown, unknown, SharedSpace | RunnerLink | Scope.Scope>>>

export const generation: Generation = { era: 1, n: 1 }

/** A channel's tag that nobody has used. */
export const channel = (): Tag => `${unique("park")}/1`

export const bytes = (...numbers: ReadonlyArray<number>): Uint8Array => Uint8Array.from(numbers)

export const text = (frame: Uint8Array): string => Buffer.from(frame).toString()

let tokens = 0

/** Guarded by nothing, founding the tag: what is not said is nothing. */
export const commitOf = (tag: Tag, parts: Partial<Commit>): Commit => ({
  tag,
  token: `token-${tokens++}`,
  generation,
  found: true,
  guard: { _tag: "Compared" },
  reads: [],
  changes: [],
  tell: [],
  ...parts
})

export const applied = (...records: ReadonlyArray<AppliedRecord>): Guard => ({ _tag: "Applied", records })

export const record = (offset: number, timeMs = offset): AppliedRecord => ({ offset, timeMs, facts: [] })

export const outcome = (of: AppliedRecord, session: string, id: number): AppliedRecord => ({
  ...of,
  outcome: { session, id, bodyHash: bytes(id, 1), answer: bytes(id, 2) }
})

export const fact = (tag: Tag, offset: number): Fact => ({
  topic: "noriter.contract",
  record: { key: "contract.v1.Happened", partitionBy: tag, body: bytes(offset, 255) }
})

export const put = (key: string): Extract<Change, { readonly _tag: "Put" }> => ({ _tag: "Put", key, value: bytes(1) })

export const count = (counter: string, by: number, max = 10_000): Change => ({ _tag: "Count", counter, by, max })

export const append = (
  stream: string,
  seq: number,
  value = bytes(seq)
): Extract<Change, { readonly _tag: "Append" }> => ({
  _tag: "Append",
  stream,
  class: "a",
  seq,
  timeMs: seq,
  value,
  countMax: 100,
  ageMsMax: 0
})

/** Ends with the refusal, which is for this reason. */
export const refusedAs = Effect.fnUntraced(function* (reason: CommitRefused["reason"], commit: Commit) {
  const refused = yield* Effect.flip((yield* SharedSpace).commit(commit))
  assert.isTrue(refused instanceof CommitRefused, `${refused}`)
  if (!(refused instanceof CommitRefused)) return yield* Effect.die(refused)
  assert.strictEqual(refused.reason, reason)
  assert.strictEqual(refused.tag, commit.tag)
  return refused
})
