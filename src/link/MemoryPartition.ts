/**
 * One partition as the memory twin of the log keeps it: records in offset order, their times never running back, bounded.
 * Owns neither who reads how far (MemoryGroup) nor which partition a record belongs in (Topics).
 */
import type { LogRecord, NewRecord, Position } from "./TopicLog.ts"

/** Records gone that may lie in the array before it is copied down: each is moved once in its life. */
const goneMax = 1_024

export interface Retention {
  /** Records of one partition. Past it the oldest goes, or, while a group has yet to read it, appends are refused. */
  readonly recordsMax: number
  /** What every group has read goes after this long. Above the 60 s that consumers go back (rule L11). */
  readonly ageMsMax: number
}

export class MemoryPartition {
  readonly topic: string
  readonly partition: number
  private readonly retention: Retention
  private readonly records: Array<LogRecord> = []
  /** Index of the first record that is not gone. */
  private start = 0
  private next = 0
  private lastMs = 0

  constructor(topic: string, partition: number, retention: Retention) {
    this.topic = topic
    this.partition = partition
    this.retention = retention
  }

  /** The offset that the next record will have, or pass. */
  get end(): number {
    return this.next
  }

  get earliest(): number {
    return this.records[this.start]?.offset ?? this.next
  }

  /** Makes room for so many more; false: some group has not read what would have to go. */
  makeRoom(count: number, nowMs: number, readTo: () => number): boolean {
    const oldest = this.records[this.start]
    const kept = this.records.length - this.start
    const isOld = oldest !== undefined && oldest.timeMs < nowMs - this.retention.ageMsMax
    if (!isOld && kept + count <= this.retention.recordsMax) return true
    this.dropRead(count, nowMs, readTo())
    return this.records.length - this.start + count <= this.retention.recordsMax
  }

  private dropRead(count: number, nowMs: number, readTo: number): void {
    for (let record = this.records[this.start]; record !== undefined; record = this.records[this.start]) {
      const isOver = this.records.length - this.start + count > this.retention.recordsMax
      const isOld = record.timeMs < nowMs - this.retention.ageMsMax
      if (record.offset >= readTo || !(isOver || isOld)) break
      this.start++
    }
    if (this.start > goneMax && this.start * 2 > this.records.length) {
      this.records.splice(0, this.start)
      this.start = 0
    }
  }

  /** Keeps the record as it is: its bytes are nobody else's. `hole` offsets are left out before it, as after a
   * transaction or a compaction. */
  append(record: NewRecord, nowMs: number, hole: number): Position {
    const { topic, partition } = this
    const offset = this.next + hole
    this.next = offset + 1
    this.lastMs = Math.max(this.lastMs, nowMs)
    this.records.push({ ...record, topic, partition, offset, timeMs: this.lastMs })
    return { partition, offset, timeMs: this.lastMs }
  }

  /** Copies of at most `limit` records from this offset on. */
  from(offset: number, limit: number): Array<LogRecord> {
    const at = this.indexOf((record) => record.offset >= offset)
    return this.records.slice(at, at + limit).map((record) => ({ ...record, body: new Uint8Array(record.body) }))
  }

  /** The first offset of this time or later. */
  offsetAt(ms: number): number {
    return this.records[this.indexOf((record) => record.timeMs >= ms)]?.offset ?? this.next
  }

  /** When the last record before this offset was appended; where there is none, at no time. */
  timeBefore(offset: number): number {
    const at = this.indexOf((record) => record.offset >= offset)
    return at > this.start ? (this.records[at - 1]?.timeMs ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY
  }

  /** The first record it is true of; it is so of all after it. Nearly always that is at the end. */
  private indexOf(isThere: (record: LogRecord) => boolean): number {
    let low = this.start
    let high = this.records.length
    const last = this.records[high - 1]
    if (last === undefined || !isThere(last)) return high
    while (low < high) {
      const middle = (low + high) >>> 1
      const record = this.records[middle]
      if (record !== undefined && isThere(record)) high = middle
      else low = middle + 1
    }
    return low
  }
}
