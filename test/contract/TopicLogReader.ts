/** What the contract of a TopicLog is told with: records of the harness's topic, and a reader of a group. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { handleRecordsMax, type LogRecord, type NewRecord, TopicLog } from "../../src/link/TopicLog.ts"

/** A topic of the harness's. */
export const topic = "noriter.contract"
export const partitions = 4

export type Cases = Readonly<Record<string, Effect.Effect<unknown, unknown, TopicLog | Scope.Scope>>>

export const record = (partitionBy: string, byte: number): NewRecord => ({
  key: "contract.v1.Numbered",
  partitionBy,
  body: new Uint8Array([byte >> 8, byte & 255])
})

export const numberOf = ({ body }: NewRecord): number => ((body[0] ?? 0) << 8) | (body[1] ?? 0)

/** Each record once, as it first came: what at-least-once leaves when repeats are taken out. */
export const firsts = (records: ReadonlyArray<LogRecord>): Array<LogRecord> =>
  records.filter((each, at) => records.findIndex((other) => isSamePlace(other, each)) === at)

const isSamePlace = (a: LogRecord, b: LogRecord) => a.partition === b.partition && a.offset === b.offset

/** A reader of a group, in a scope of its own, and what it has handled of the keys that begin with `mine`. */
export const reader = Effect.fnUntraced(function* (
  group: string,
  mine: string,
  handle: (records: ReadonlyArray<LogRecord>) => Effect.Effect<void> = () => Effect.void
) {
  const log = yield* TopicLog
  const scope = yield* Scope.fork(yield* Effect.scope)
  const handled: Array<LogRecord> = []
  const assigned = new Set<number>()
  const reading = yield* log
    .consume({
      group,
      topics: [topic],
      assigned: (_, partition) => void assigned.add(partition),
      handle: Effect.fnUntraced(function* (records) {
        assert.isTrue(records.length > 0 && records.length <= handleRecordsMax, `${records.length} records at once`)
        assert.isTrue(assigned.has(records[0]?.partition ?? -1), "it was not said whose they are")
        const own = records.filter(({ partitionBy }) => partitionBy.startsWith(mine))
        if (own.length === 0) return
        yield* handle(own)
        handled.push(...own)
      })
    })
    .pipe(Scope.provide(scope))
  return { ...reading, handled, leave: Scope.close(scope, Exit.void) }
})

/** Keys of one test, one for each partition. */
export const keysOf = (log: TopicLog["Service"], mine: string): ReadonlyArray<string> => {
  const keys = new Map<number, string>()
  for (let n = 0; keys.size < partitions && n < 1_000; n++)
    keys.set(log.partitionOf(topic, `${mine}/${n}`), `${mine}/${n}`)
  assert.strictEqual(keys.size, partitions)
  return [...keys.values()]
}
