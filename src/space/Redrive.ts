/**
 * Dead letters appended anew to the topic they came from (rule L8), when what made them so is mended. Each has its place
 * among the dead letters for a source, by which its tag takes it in once, however often it is appended (rule L4). How far
 * one has come stands behind them on the same topic, so that it is not lost with the shared space.
 */
import * as Effect from "effect/Effect"
import { type LogRecord, type NewRecord, type Position, TopicLog } from "../link/TopicLog.ts"
import { deadTopicOf } from "../link/Topics.ts"

/** A dead letter that was appended anew. */
export interface Redriven {
  readonly letter: LogRecord
  readonly position: Position
}

/** The most that are appended in one go; the others wait for the next. */
const lettersMax = 10_000
/** Letters that are known to have been appended anew; those before them may be taken for new ones. */
const namesMax = 1_000_000
/** Appended together; after each such batch it is noted how far one has come. */
const atOnce = 100
/** The key of the note. */
const redrivenKey = "redriven"

/** Appends what of this topic has not been appended anew yet; answers how many are left for the next time. */
export const redrive = Effect.fnUntraced(function* (topic: string, report: (redriven: Redriven) => void) {
  const log = yield* TopicLog
  const dead = deadTopicOf(topic)
  const letters: Array<LogRecord> = []
  let done = -1
  let left = 0
  const before = new Set<string>()
  const each = (take: (record: LogRecord) => void) =>
    log.readAll(dead, (records) => Effect.sync(() => records.forEach(take)))
  // Read twice, because a note lies behind letters that it does not speak of, and not all letters fit.
  yield* each((record) => {
    if (record.key === redrivenKey) done = Math.max(done, record.dead?.offset ?? -1)
  })
  yield* each((record) => {
    if (record.key === redrivenKey) return
    if (record.offset <= done) {
      // What was buried again since it was appended anew is the same letter.
      remember(before, nameOf(record))
      return
    }
    if (letters.length < lettersMax) letters.push(record)
    else left++
  })
  const waiting = firsts(letters, before)
  for (let at = 0; at < waiting.length; at += atOnce) {
    const some = waiting.slice(at, at + atOnce)
    const positions = yield* log.append(topic, some.map(anew))
    some.forEach((letter, index) => {
      const position = positions[index]
      if (position !== undefined) report({ letter, position })
    })
    yield* log.append(dead, [note(topic, some.at(-1)?.offset ?? done)])
  }
  return left
})

/** As it was asked, but for its source: the one it had may have been passed over when it could not be decided. */
const anew = ({ key, partitionBy, body, trace, topic, partition, offset }: LogRecord): NewRecord => ({
  key,
  partitionBy,
  body,
  ...(trace !== undefined && { trace }),
  source: { topic, partition, offset, index: 0 }
})

const note = (topic: string, offset: number): NewRecord => ({
  key: redrivenKey,
  partitionBy: topic,
  body: new Uint8Array(0),
  dead: { topic: deadTopicOf(topic), partition: 0, offset, reason: "redriven" }
})

/** What was buried twice, or came twice before it was buried, is one letter. */
const firsts = (letters: ReadonlyArray<LogRecord>, seen: Set<string>): ReadonlyArray<LogRecord> =>
  letters.filter((letter) => {
    const isFirst = !seen.has(nameOf(letter))
    seen.add(nameOf(letter))
    return isFirst
  })

/** By what caused it, or where it lay before it was buried. */
const nameOf = ({ source, dead, offset }: LogRecord): string => {
  const from = source ?? dead ?? { topic: "", partition: 0, offset }
  return `${from.topic}/${from.partition}/${from.offset}/${source?.index ?? ""}`
}

const remember = (names: Set<string>, name: string): void => {
  names.add(name)
  if (names.size <= namesMax) return
  for (const oldest of names) {
    names.delete(oldest)
    return
  }
}
