/**
 * What all runners know together. Everything has a tag; one write touches one tag, as one script that checks everything
 * before the first change (rule C1). Owns the guards, Applied for records of the log and the others, of owners and versions,
 * for presence, and the marks beside them; what the values mean is said in space/v1/records.proto and decided above. Values
 * and frames are bytes end to end.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { uniqueName } from "../Chance.ts"
import type { Epoch, Generation } from "../link/Roster.ts"
import type { NewRecord, Outcome, Source } from "../link/TopicLog.ts"

/** `park/1`, `inc/r1-0000000003`, a guest id: one tag of the shared space, without braces. */
export type Tag = string

/** Whose an owned value is (rule P3). */
export interface Owner {
  /** The incarnation's id. */
  readonly incarnation: string
  readonly runner: string
  readonly epoch: Epoch
  /** Rises with every claim of the session. */
  readonly connection: number
}

/** A value as it is kept. A put over an existing key raises its version by one; a new key begins above every version
 * its tag has ever given out, so a version never names two values of one key. */
export interface Entry {
  readonly version: number
  readonly value: Uint8Array
  readonly owner: Owner | undefined
  /** When it is due for whoever looks after deadlines, milliseconds since 1970 (rule P5). */
  readonly dueMs: number | undefined
}

/** What protects a commit; nothing else does. */
export type Guard =
  /** Of the log (rule L3): changes nothing unless every offset is above the tag's `applied`; and each source above the
   * mark kept for its partition (rule L4). Raises `applied`, the marks and the tag's `nowMs`. `after`, where it is said,
   * is the mark that the decision rests on: on a tag that was rewound since it was read, nothing changes (rule L11). */
  | { readonly _tag: "Applied"; readonly after?: number | undefined; readonly records: ReadonlyArray<AppliedRecord> }
  /** Of presence (rule P3): the entry at `key` must be owned by exactly this owner, whose epoch is not fenced. */
  | { readonly _tag: "Owned"; readonly key: string; readonly by: Owner }
  /** The entry must exist, of this or a lower connection; of an equal one only if `by` is a newer epoch of the same
   * runner, or owns it already. `by` must not be fenced. */
  | { readonly _tag: "Takeover"; readonly key: string; readonly by: Owner }
  /** Puts what did not exist: `by` must not be fenced here. */
  | { readonly _tag: "Create"; readonly by: Owner }
  /** Only the versions in `reads` are compared: claims of a session, deadlines, a watcher's sweep. `by`, where there is
   * one, must not be fenced here. */
  | { readonly _tag: "Compared"; readonly by?: Owner | undefined }

/** One record of the log that this commit applies. */
export interface AppliedRecord {
  readonly offset: number
  readonly timeMs: number
  readonly source?: Source | undefined
  /** Remembered per session (rule L6); absent where there is no request id. */
  readonly outcome?: Outcome | undefined
  /** Kept in the tag until `factsSent` (rule L4). Topic and record. */
  readonly facts: ReadonlyArray<Fact>
}

export interface Fact {
  readonly topic: string
  readonly record: NewRecord
}

export type Change =
  | {
      readonly _tag: "Put"
      readonly key: string
      readonly value: Uint8Array
      readonly owner?: Owner | undefined
      readonly dueMs?: number | undefined
    }
  /** Puts under `prefix` + the next number of `counter`, which the commit's result names. */
  | {
      readonly _tag: "PutNext"
      readonly counter: string
      readonly prefix: string
      readonly value: Uint8Array
      readonly owner?: Owner | undefined
      readonly dueMs?: number | undefined
    }
  | { readonly _tag: "Delete"; readonly key: string }
  /** Refused as Full if the count would leave 0 … max. */
  | { readonly _tag: "Count"; readonly counter: string; readonly by: number; readonly max: number }
  /** A counter below `below` becomes `to`, which is no less: whatever others count meanwhile, it is not raised twice. */
  | { readonly _tag: "Raise"; readonly counter: string; readonly below: number; readonly to: number }
  /** Appends to a stream, whose head becomes `seq`. Within a class at most `countMax` entries, none older than `ageMsMax`
   * against the newest (0: no bound by age); what is cut moves `trimmedTo` (rule C4). */
  | {
      readonly _tag: "Append"
      readonly stream: string
      readonly class: string
      readonly seq: number
      readonly timeMs: number
      readonly value: Uint8Array
      readonly countMax: number
      readonly ageMsMax: number
    }
  /** Forgets the outcomes of a session that has ended (rule L6). */
  | { readonly _tag: "Forget"; readonly session: string }
  /** Refuses incarnations of this runner below `epoch` from now on (rule P8). Never lowers. Of more than `fencesMax` runners
   * the one of the lowest epoch is forgotten. */
  | { readonly _tag: "Fence"; readonly runner: string; readonly epoch: Epoch }
  /** The tag is no more, and nothing that it held, its fences and tokens too: as if it had never been founded. */
  | { readonly _tag: "RemoveTag" }
  /** Where a member stands; goes with the member. Positions are in no read set and have no version. */
  | { readonly _tag: "Place"; readonly member: number; readonly xCm: number; readonly yCm: number }

/** A frame for a pub/sub channel, published by the script that writes. */
export interface Tell {
  readonly channel: string
  readonly bytes: Uint8Array
}

export interface Commit {
  readonly tag: Tag
  /** Unique; the same commit repeated after a timeout answers as the first time (rule C1). */
  readonly token: string
  /** The generation the caller believes in; a tag of another, or none, is refused Missing (rule L12). */
  readonly generation: Generation
  /** May begin the tag where it is missing. */
  readonly found: boolean
  readonly guard: Guard
  /** What the decision rests on: versions, of which 0 says that the key was absent (rule L5), and owners where they are
   * named: after the space has gone back (rule L11) another may have written the same version. */
  readonly reads: ReadonlyArray<{ readonly key: string; readonly version: number; readonly owner?: Owner | undefined }>
  readonly changes: ReadonlyArray<Change>
  readonly tell: ReadonlyArray<Tell>
}

export interface Committed {
  /** The number that each PutNext took, in their order. */
  readonly numbers: ReadonlyArray<number>
  /** The version that each Put and PutNext gave, in their order. */
  readonly versions: ReadonlyArray<number>
}

/** Why a commit changed nothing. */
export class CommitRefused extends Data.TaggedError("CommitRefused")<{
  readonly tag: Tag
  /**
   * Applied: at or below the mark; read again and go on above `applied`. Source: taken in already.
   * NotOwner, Fenced: the presence guard. Conflict: a version in `reads` has changed. Missing: the tag is not there, or
   * of another generation. Full: a counter would leave its bounds. Exists: Create over an existing key. Oversize: a
   * value over `valueBytesMax`, or more than `changesMax` changes: a programmer's error. Foreign: an unlawful tag name, or
   * a tell to another tag's channel: a programmer's error too.
   */
  readonly reason:
    | "Applied"
    | "Source"
    | "NotOwner"
    | "Fenced"
    | "Conflict"
    | "Missing"
    | "Full"
    | "Exists"
    | "Oversize"
    | "Foreign"
  /** The tag's mark now. */
  readonly applied: number
  /** The key or counter it was about, where there is one. */
  readonly key: string
}> {}

/** The shared space could not be asked: nothing is known of whether a commit happened; repeat it with its token. */
export class SpaceError extends Data.TaggedError("SpaceError")<{
  readonly operation: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `the shared space (${this.operation}): ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

export interface ReadRequest {
  readonly tag: Tag
  readonly keys: ReadonlyArray<string>
  /** Which outcomes to look up. */
  readonly outcomes?: ReadonlyArray<{ readonly session: string; readonly id: number }>
}

/** A remembered outcome, or what can be said without one. */
export type Remembered =
  | { readonly _tag: "Fresh" }
  | { readonly _tag: "Decided"; readonly bodyHash: Uint8Array; readonly answer: Uint8Array }
  /** Below the lowest kept: nobody can say any more. */
  | { readonly _tag: "Stale" }

/** What a tag says now. */
export interface TagState {
  /** Undefined: the tag is missing. */
  readonly generation: Generation | undefined
  readonly applied: number
  /** The highest version given out: where it is below one that was written, the space has gone back (rule L11). */
  readonly version: number
  /** The time of the last applied record: "now" never runs back (rule L2). */
  readonly nowMs: number
  /** Highest source taken in, by `topic/partition`. */
  readonly sources: ReadonlyMap<string, Source>
  /** The keys asked for that exist. */
  readonly entries: ReadonlyMap<string, Entry>
  readonly heads: ReadonlyMap<string, Head>
  readonly counters: ReadonlyMap<string, number>
  /** In the order asked. */
  readonly remembered: ReadonlyArray<Remembered>
  /** The highest request id decided, of each session asked for in `outcomes`. */
  readonly lastIds: ReadonlyMap<string, number>
  /** Facts of applied records that are not known to be on the log. */
  readonly factsWaiting: ReadonlyArray<{ readonly offset: number; readonly facts: ReadonlyArray<Fact> }>
}

/** Where a stream stands: the last seq, and the highest that was cut. */
export interface Head {
  readonly seq: number
  readonly trimmedTo: number
}

export interface StreamEntry {
  readonly seq: number
  readonly class: string
  readonly value: Uint8Array
}

/** A tag's members and lines, read at one moment. */
export interface Snapshot {
  readonly generation: Generation | undefined
  /** As in TagState. */
  readonly version: number
  /** Every entry whose key begins with the prefix. */
  readonly entries: ReadonlyMap<string, Entry>
  readonly positions: ReadonlyMap<number, { readonly xCm: number; readonly yCm: number }>
  readonly counters: ReadonlyMap<string, number>
  readonly head: Head
  readonly lines: ReadonlyArray<StreamEntry>
}

/** Where members stand, in one write at most once a second: rule P10. Three lists of one length. */
export interface Positions {
  readonly tag: Tag
  readonly generation: Generation
  readonly by: Omit<Owner, "connection">
  readonly member: ReadonlyArray<number>
  readonly xCm: ReadonlyArray<number>
  readonly yCm: ReadonlyArray<number>
}

/** Outcomes kept per session (rule L6). */
export const outcomesMax = 64
/** Sessions with outcomes per tag (rule L6). */
export const outcomeSessionsMax = 20_000
/** How long outcomes are kept in tags that are not channels, in record time (rule L6). */
export const outcomeAgeMs = 600_000
/** Bytes of one value: far above any record of ours. */
export const valueBytesMax = 65_536
/** Changes of one commit: 100 records of a few changes each. */
export const changesMax = 1_000
/** Runners that a tag refuses for their fences: more have only died where names are made up at every start. */
export const fencesMax = 1_000
/** Commit tokens remembered per tag: a repeat comes within seconds. */
export const tokensMax = 1_000
/**
 * A tag to which nothing was written for so long, or for twice as long at the most, forgets its tokens; and it goes, as if
 * it had never been founded, where it is no channel, holds neither an entry nor a stream and has taken in nothing of the
 * log. Till then a repeat is answered as the first time (rule C1), and its count of connections goes on. After that the
 * count begins anew, which does no harm: no runner gives out a number twice (rule P3), and one that was out of touch for so
 * long knows that what is gone has ended (rule L11).
 */
export const idleKeptMs = 600_000

/** A token that nobody else has. */
export const newToken: () => string = uniqueName

/** What most commits are but for what is given: guarded by nothing but what they read, told to nobody, of a tag that is there. */
export const commitOf = (given: Pick<Commit, "tag" | "generation" | "changes"> & Partial<Commit>): Commit => ({
  token: newToken(),
  found: false,
  guard: { _tag: "Compared" },
  reads: [],
  tell: [],
  ...given
})

export class SharedSpace extends Context.Service<
  SharedSpace,
  {
    readonly read: (request: ReadRequest) => Effect.Effect<TagState, SpaceError>
    readonly commit: (commit: Commit) => Effect.Effect<Committed, CommitRefused | SpaceError>
    /** Writes only what `by` owns and what exists; answers how many were written. */
    readonly writePositions: (positions: Positions) => Effect.Effect<number, CommitRefused | SpaceError>
    readonly snapshot: (tag: Tag, prefix: string, stream: string) => Effect.Effect<Snapshot, SpaceError>
    /** Entries of a stream above `after`, oldest first, at most `limit`. */
    readonly history: (
      tag: Tag,
      stream: string,
      after: number,
      limit: number
    ) => Effect.Effect<{ readonly head: Head; readonly entries: ReadonlyArray<StreamEntry> }, SpaceError>
    /** Generation, heads and counters of many tags, pipelined (rule C3). Missing tags are absent. */
    readonly heads: (
      tags: ReadonlyArray<Tag>
    ) => Effect.Effect<
      ReadonlyMap<Tag, Pick<TagState, "generation" | "applied" | "version" | "heads" | "counters">>,
      SpaceError
    >
    /** Of many tags, pipelined, the keys whose `dueMs` is at or before `nowMs`: of each the earliest, at most `limit`. Tags
     * with none are absent. */
    readonly due: (
      tags: ReadonlyArray<Tag>,
      nowMs: number,
      limit: number
    ) => Effect.Effect<ReadonlyMap<Tag, ReadonlyArray<string>>, SpaceError>
    /** The facts of records up to this offset are on the log. */
    readonly factsSent: (tag: Tag, offset: number) => Effect.Effect<void, SpaceError>
    /** The generation this space was last founded in; undefined: it is empty (rule L12). */
    readonly marker: Effect.Effect<Generation | undefined, SpaceError>
    /** Writes it where there is no marker, or still `instead`; answers the one that stands then: of several runners that
     * found a space at once, all go on in the generation of the first. */
    readonly writeMarker: (generation: Generation, instead?: Generation) => Effect.Effect<Generation, SpaceError>
    /** Calls `resync` after each reconnect. */
    readonly onReady: (resync: () => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("noriter/space/SharedSpace") {}
