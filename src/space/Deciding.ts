/**
 * The pure half of applying: a tag's state and the records asked of it go in, what is to be committed comes out. The
 * same records on the same state come to the same, on whichever runner and however often (rule L5).
 */

import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import type { Answer } from "../../gen/noriter/space/v1/records.ts"
import { Answer as AnswerCodec, TimerRecord } from "../../gen/noriter/space/v1/records.ts"
import type { RunnerMessage } from "../../gen/registry.ts"
import type { AskedBy, Decision, DecisionState } from "../bus/Decider.ts"
import { type AddressedFrame, type DecidedBy, frameOf, recordOf } from "../bus/EventBus.ts"
import type { LogRecord, Marks, Outcome, Source } from "../link/TopicLog.ts"
import { fromTraceparent, type Trace } from "../wire/Trace.ts"
import type { AppliedRecord, Change, Commit, Fact, Head, Remembered, TagState } from "./SharedSpace.ts"
import { isLasting } from "./Tag.ts"
import { type Timer, timerKey } from "./Timers.ts"

/** A record with its decider; without one it is a dead letter, and applied without effect. */
export interface AskedRecord {
  readonly record: LogRecord
  readonly by: DecidedBy | undefined
  /** Why there is no decider. */
  readonly cause?: unknown
}

/** A message to be told, in the trace of the record that caused it. */
export interface TracedMessage {
  readonly message: RunnerMessage
  readonly trace: Trace | undefined
}

/** What a run of records came to. */
export interface Applied {
  readonly upTo: number
  readonly records: ReadonlyArray<AppliedRecord>
  readonly reads: Commit["reads"]
  readonly changes: ReadonlyArray<Change>
  /** Timers that these set and that stand then: to be armed before anything of this is committed. */
  readonly timers: ReadonlyArray<Timer>
  readonly tell: ReadonlyArray<AddressedFrame>
  /** Answers that wait until the facts are on the log (rule L13). */
  readonly tellAfterFacts: ReadonlyArray<TracedMessage>
  readonly poison: ReadonlyArray<{ readonly record: LogRecord; readonly cause: unknown }>
}

/** The keys that these records' decisions read. */
export const keysOf = (asked: ReadonlyArray<AskedRecord>): ReadonlyArray<string> => {
  const keys = new Set<string>()
  for (const { by } of asked) {
    if (by === undefined) continue
    for (const key of by.decider.reads(by.message)) keys.add(key)
    const timer = timerOf(by)
    if (timer !== undefined) keys.add(timer)
  }
  return [...keys]
}

/** The outcomes to be looked up: those of requests with an id (rule L6). */
export const outcomesOf = (asked: ReadonlyArray<AskedRecord>): ReadonlyArray<{ session: string; id: number }> => {
  const wanted: Array<{ session: string; id: number }> = []
  for (const { by } of asked) {
    const asker = by?.decider.asker(by.message)
    if (asker !== undefined && asker.id !== 0) wanted.push({ session: asker.session, id: asker.id })
  }
  return wanted
}

/** Decides the records one after another, each on the state that the one before it left. */
export const decideInTurn = (state: TagState, asked: ReadonlyArray<AskedRecord>): Applied => {
  const turn = new Turn(state, asked)
  // What was read is all of them, in their order; those applied already are not decided again (rule L3).
  for (const one of asked) if (one.record.offset > state.applied) turn.take(one)
  return turn.applied()
}

/** The state of a tag as it will be after the records taken so far. */
class Turn {
  readonly #values = new Map<string, Uint8Array>()
  readonly #heads: Map<string, Head>
  readonly #sources: Map<string, Source>
  readonly #remembered = new Map<string, Remembered>()
  readonly #owners = new Map<string, string>()
  readonly #reads: Commit["reads"]
  readonly #records: Array<AppliedRecord> = []
  readonly #changes: Array<Change> = []
  readonly #timers = new Map<string, Timer>()
  readonly #tell: Array<AddressedFrame> = []
  readonly #tellAfterFacts: Array<TracedMessage> = []
  /** Requests whose answer waits for facts: sent again within this turn, they wait too. */
  readonly #afterFacts = new Set<string>()
  readonly #poison: Array<{ record: LogRecord; cause: unknown }> = []
  #nowMs: number
  #upTo = 0

  constructor(state: TagState, asked: ReadonlyArray<AskedRecord>) {
    this.#nowMs = state.nowMs
    this.#heads = new Map(state.heads)
    this.#sources = new Map(state.sources)
    this.#reads = keysOf(asked).map((key) => ({ key, version: state.entries.get(key)?.version ?? 0 }))
    for (const [key, entry] of state.entries) {
      this.#values.set(key, entry.value)
      if (entry.owner !== undefined) this.#owners.set(key, entry.owner.incarnation)
    }
    outcomesOf(asked).forEach(({ session, id }, index) => {
      this.#remembered.set(`${id} ${session}`, state.remembered[index] ?? { _tag: "Fresh" })
    })
  }

  take({ record, by, cause }: AskedRecord): void {
    this.#nowMs = Math.max(this.#nowMs, record.timeMs)
    this.#upTo = record.offset
    if (by === undefined) {
      this.#poison.push({ record, cause })
      this.#pass(record, undefined)
    } else if (this.#takenIn(record.source)) {
      this.#pass(record, undefined)
    } else {
      this.#decide(record, by)
    }
  }

  #decide(record: LogRecord, by: DecidedBy): void {
    const { decider, message } = by
    const timer = timerOf(by)
    // Asked before: a timer takes effect once.
    if (timer !== undefined && !this.#values.has(timer)) {
      this.#pass(record, record.source)
      return
    }
    const asker = decider.asker(message)
    const known = asker === undefined ? undefined : this.#known(asker)
    if (asker !== undefined && known !== undefined) {
      this.#answer(answerTold(asker, known), traceOf(record), this.#afterFacts.has(`${asker.id} ${asker.session}`))
      this.#pass(record, record.source)
      return
    }
    try {
      this.#follow(record, asker, decider.decide(this.#view(record), message))
      if (timer !== undefined) this.#settle(timer)
    } catch (cause) {
      this.#poison.push({ record, cause })
      this.#pass(record, record.source)
    }
  }

  applied(): Applied {
    return {
      upTo: this.#upTo,
      records: this.#records,
      reads: this.#reads,
      changes: this.#changes,
      timers: [...this.#timers.values()],
      tell: this.#tell,
      tellAfterFacts: this.#tellAfterFacts,
      poison: this.#poison
    }
  }

  #view(record: LogRecord): DecisionState {
    return {
      read: (key) => this.#values.get(key),
      head: (stream) => this.#heads.get(stream)?.seq ?? 0,
      ownerOf: (key) => this.#owners.get(key),
      nowMs: this.#nowMs,
      appendedMs: record.timeMs,
      seq: record.offset + 1
    }
  }

  /** Taken in already: the highest source of its partition is at or above it (rule L4). */
  #takenIn(source: Source | undefined): boolean {
    if (source === undefined) return false
    const mark = this.#sources.get(`${source.topic}/${source.partition}`)
    if (mark === undefined) return false
    return source.offset < mark.offset || (source.offset === mark.offset && source.index <= mark.index)
  }

  /** What is answered without deciding: the request was decided before, or nobody can say (rule L6). */
  #known(asker: AskedBy): Answer | undefined {
    const remembered = asker.id === 0 ? undefined : this.#remembered.get(`${asker.id} ${asker.session}`)
    switch (remembered?._tag) {
      case "Decided":
        return Buffer.compare(remembered.bodyHash, asker.bodyHash) === 0
          ? AnswerCodec.decode(remembered.answer)
          : refusal(ErrorCode.ERROR_CODE_ID_REUSED, "another request was sent under this id")
      case "Stale":
        return refusal(ErrorCode.ERROR_CODE_STALE_ID, "this id is older than what is remembered")
      default:
        return undefined
    }
  }

  #follow(record: LogRecord, asker: AskedBy | undefined, decision: Decision): void {
    const seq = record.offset + 1
    const trace = traceOf(record)
    const timer = timerSet(record, decision)
    // Encoded before anything is taken over, so that a decision that cannot be encoded is poison and leaves no trace.
    const told = (decision.tell ?? []).map((message) => frameOf(message, trace))
    const answer = decision.answer === undefined ? undefined : AnswerCodec.encode(decision.answer).finish()
    const outcome = answer === undefined || isRateLimited(decision) ? undefined : outcomeOf(asker, answer)
    const marks: Marks = { atMs: this.#nowMs, takenIn: record.source, outcome }
    const facts = (decision.facts ?? []).map((fact, index): Fact => {
      const addressed = recordOf(fact, trace, { ...sourceOf(record), index })
      // What another tag is asked says nothing of this one.
      const isRebuilt = addressed.record.partitionBy === record.partitionBy && isLasting(record.partitionBy)
      return isRebuilt ? { ...addressed, record: { ...addressed.record, marks } } : addressed
    })
    for (const put of decision.puts ?? []) {
      this.#values.set(put.key, put.value)
      this.#changes.push({ _tag: "Put", ...put })
    }
    if (timer !== undefined) this.#set(timer)
    for (const append of decision.appends ?? []) {
      this.#heads.set(append.stream, { seq, trimmedTo: this.#heads.get(append.stream)?.trimmedTo ?? 0 })
      this.#changes.push({ _tag: "Append", ...append, seq, timeMs: this.#nowMs })
    }
    // Before the answer, because the next request of the session begins with it: leaving, for one.
    this.#tell.push(...told)
    if (asker !== undefined && decision.answer !== undefined) {
      const afterFacts = decision.answerAfterFacts === true
      if (afterFacts) this.#afterFacts.add(`${asker.id} ${asker.session}`)
      this.#answer(answerTold(asker, decision.answer), trace, afterFacts)
    }
    if (outcome !== undefined) this.#remembered.set(`${outcome.id} ${outcome.session}`, { _tag: "Decided", ...outcome })
    this.#mark(record.source)
    this.#records.push({ offset: record.offset, timeMs: this.#nowMs, source: record.source, outcome, facts })
  }

  #set(timer: Timer): void {
    const key = timerKey(timer.number)
    const value = TimerRecord.encode(timer.record).finish()
    this.#timers.set(key, timer)
    this.#values.set(key, value)
    this.#changes.push({ _tag: "Put", key, value, dueMs: timer.record.dueMs })
  }

  #settle(key: string): void {
    this.#timers.delete(key)
    this.#values.delete(key)
    this.#changes.push({ _tag: "Delete", key })
  }

  #answer(message: RunnerMessage, trace: Trace | undefined, afterFacts: boolean): void {
    if (afterFacts) this.#tellAfterFacts.push({ message, trace })
    else this.#tell.push(frameOf(message, trace))
  }

  /** The record is applied and changes nothing. A source taken in already is not marked again. */
  #pass(record: LogRecord, source: Source | undefined): void {
    this.#mark(source)
    this.#records.push({ offset: record.offset, timeMs: this.#nowMs, source, facts: [] })
  }

  #mark(source: Source | undefined): void {
    if (source !== undefined) this.#sources.set(`${source.topic}/${source.partition}`, source)
  }
}

/** The key of the timer that asked, where one did. */
const timerOf = ({ decider, message }: DecidedBy): string | undefined => {
  const number = decider.timer?.(message)
  return number === undefined ? undefined : timerKey(number)
}

/** The timer that a decision sets. */
const timerSet = (record: LogRecord, { timer }: Decision): Timer | undefined => {
  if (timer === undefined) return undefined
  const { topic, record: asked } = recordOf(timer.record, traceOf(record))
  const { key, partitionBy: tag, body, trace = "" } = asked
  // Another tag is asked by a fact, which has a source (rule L4).
  if (tag !== record.partitionBy || topic !== record.topic)
    throw new Error(`a timer of ${record.partitionBy} for ${tag}`)
  const { dueMs } = timer
  return {
    number: record.offset + 1,
    record: { $type: "noriter.space.v1.TimerRecord", topic, key, tag, body, trace, dueMs }
  }
}

/** The answer, for the incarnation that asked (rule C2). */
const answerTold = ({ incarnation, session, id, ask }: AskedBy, answer: Answer): RunnerMessage => ({
  $type: "noriter.runner.v1.OutcomeTold",
  incarnation,
  session,
  id,
  ask,
  answer: AnswerCodec.encode(answer).finish()
})

const outcomeOf = (asker: AskedBy | undefined, answer: Uint8Array): Outcome | undefined =>
  asker === undefined || asker.id === 0
    ? undefined
    : { session: asker.session, id: asker.id, bodyHash: asker.bodyHash, answer }

/** Refused for its rate it is not remembered: the same id again is a fresh ask (rule L6). */
const isRateLimited = ({ answer }: Decision): boolean =>
  answer?.body?.$case === "refusal" && answer.body.value.code === ErrorCode.ERROR_CODE_RATE_LIMITED

export const refusal = (code: ErrorCode, message: string, retryAfterMs = 0): Answer => ({
  $type: "noriter.space.v1.Answer",
  body: { $case: "refusal", value: { $type: "noriter.space.v1.Refusal", code, message, retryAfterMs } }
})

const sourceOf = ({ topic, partition, offset }: LogRecord): Omit<Source, "index"> => ({ topic, partition, offset })

const traceOf = (record: LogRecord): Trace | undefined =>
  record.trace === undefined ? undefined : fromTraceparent(record.trace)
