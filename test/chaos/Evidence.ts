/**
 * What is known of a run: what each phone said, was answered and heard, what lay in Redis when somebody looked, and what
 * stands on the log. Types only, so that a checker needs nothing else, and a test can doctor it.
 */

/** Where a stream stands, as phones are told. */
export interface Position {
  readonly name: string
  readonly epoch: string
  readonly seq: number
}

/** One thing that happened at a phone; `atMs` is of one clock for all phones of a run. */
export type Event = { readonly atMs: number } & (
  | { readonly kind: "opened"; readonly port: number }
  /** Why: the code of a disconnect, or nothing. */
  | { readonly kind: "closed"; readonly why: string }
  | {
      readonly kind: "entered"
      readonly session: string
      readonly member: number
      readonly streams: ReadonlyArray<Position>
    }
  | {
      readonly kind: "resumed"
      readonly session: string
      readonly member: number
      readonly recovered: boolean
      readonly streams: ReadonlyArray<Position>
    }
  /** Left for good: by `leave`, or its socket was dropped and it will not come back. */
  | { readonly kind: "left" }
  | {
      readonly kind: "asked"
      readonly session: string
      readonly id: number
      readonly key: string
      readonly text: string
    }
  | {
      readonly kind: "answered"
      readonly session: string
      readonly id: number
      /** An error's code; undefined: it was done. */
      readonly code: string | undefined
      readonly seq: number
    }
  | { readonly kind: "heard"; readonly stream: string; readonly seq: number; readonly text: string }
  /** The server says that something before these is missing. */
  | { readonly kind: "gap"; readonly streams: ReadonlyArray<Position> }
  | { readonly kind: "appeared"; readonly members: ReadonlyArray<readonly [member: number, nickname: string]> }
  | { readonly kind: "disappeared"; readonly members: ReadonlyArray<number>; readonly reason: string }
  /** A ping was answered after so long. */
  | { readonly kind: "ping"; readonly tookMs: number }
  /** Its own step came back to it after so long. */
  | { readonly kind: "step"; readonly tookMs: number }
)

/** Of an event, what is told of it but the time. */
export type Told = Event extends infer E ? (E extends unknown ? Omit<E, "atMs"> : never) : never

export interface PhoneLog {
  readonly name: string
  readonly events: ReadonlyArray<Event>
}

/** A member of the channel as it lies in Redis. */
export interface Standing {
  readonly member: number
  readonly nickname: string
  readonly guest: string
  readonly state: "hidden" | "present" | "lost" | "away"
  readonly runner: string
  readonly incarnation: string
  /** Its owner's epoch, then its connection: a later owner is higher. */
  readonly era: number
  readonly node: number
  readonly connection: number
  readonly place: string
}

/** The channel at one moment, read from Redis itself. */
export interface Picture {
  readonly atMs: number
  readonly members: ReadonlyArray<Standing>
  /** By runner: epochs up to this one are dead. */
  readonly fences: ReadonlyMap<string, { readonly era: number; readonly node: number }>
}

/** A record on an asked topic. */
export interface Asked {
  /** `topic/partition/offset`. */
  readonly at: string
  readonly session: string
  readonly id: number
  readonly text: string
}

/** A fact: what a record came to. */
export interface Decided {
  readonly kind: string
  /** `topic/partition/offset/index` of the record that caused it. */
  readonly source: string
  readonly isRefused: boolean
  readonly guest: string
  readonly count: number
}

/** What Kafka holds of a run. */
export interface Ledger {
  readonly asked: ReadonlyArray<Asked>
  readonly decided: ReadonlyArray<Decided>
  /** `topic/partition/offset` of records in dead-letter topics. */
  readonly dead: ReadonlyArray<string>
}
