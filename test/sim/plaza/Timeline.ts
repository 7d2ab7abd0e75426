/**
 * The time of a simulation: what is to be done now, in the order it came, and what later, by its time. When nothing is left
 * to be done now, time goes on to the next; so a minute passes as fast as what happens in it. Everything runs in one
 * synchronous call, and nothing of it knows the time of this machine.
 */

/** When it all begins. */
export const startMs = 1_800_000_000_000
/** So much may be done at one time: more is a loop that never comes to rest. */
const jobsAtOnceMax = 200_000

interface Timer {
  readonly atMs: number
  readonly order: number
  job: (() => void) | undefined
}

export class Timeline {
  nowMs = startMs
  readonly #ready: Array<() => void> = []
  readonly #micro: Array<() => void> = []
  readonly #timers: Array<Timer> = []
  #orders = 0

  /** At the end of what is being done, before anything else. */
  micro(job: () => void): void {
    this.#micro.push(job)
  }

  /** After all that is to be done now. */
  soon(job: () => void): void {
    this.#ready.push(job)
  }

  /** After so many whole milliseconds; what it gives takes it back. */
  after(ms: number, job: () => void): () => void {
    const timer: Timer = { atMs: this.nowMs + Math.max(0, Math.ceil(ms)), order: this.#orders++, job }
    push(this.#timers, timer)
    return () => {
      timer.job = undefined
    }
  }

  /** Goes on until then, or until it is done. */
  run(untilMs: number, isDone: () => boolean = () => false): void {
    while (!isDone()) {
      this.#doAll()
      const first = this.#timers[0]
      if (first === undefined || first.atMs > untilMs) {
        this.nowMs = untilMs
        return
      }
      pop(this.#timers)
      this.nowMs = first.atMs
      first.job?.()
      this.#doMicro()
    }
  }

  /** What comes in meanwhile is done, too, in its turn. */
  #doAll(): void {
    const jobs = this.#ready
    for (let at = 0; at < jobs.length; at++) {
      if (at > jobsAtOnceMax) throw new Error("nothing comes to rest")
      jobs[at]?.()
      this.#doMicro()
    }
    jobs.length = 0
  }

  #doMicro(): void {
    const jobs = this.#micro
    if (jobs.length === 0) return
    for (let at = 0; at < jobs.length; at++) jobs[at]?.()
    jobs.length = 0
  }
}

// --- A heap, the next on top ---

const isBefore = (a: Timer, b: Timer): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

function push(heap: Array<Timer>, timer: Timer): void {
  let at = heap.push(timer) - 1
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above]
    if (parent === undefined || isBefore(parent, timer)) break
    heap[at] = parent
    at = above
  }
  heap[at] = timer
}

function pop(heap: Array<Timer>): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  while (true) {
    const left = heap[2 * at + 1]
    const right = heap[2 * at + 2]
    const isRight = left !== undefined && right !== undefined && isBefore(right, left)
    const next = isRight ? right : left
    if (next === undefined || isBefore(last, next)) break
    heap[at] = next
    at = isRight ? 2 * at + 2 : 2 * at + 1
  }
  heap[at] = last
}
