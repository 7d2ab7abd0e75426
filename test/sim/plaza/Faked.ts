/**
 * What a program has of time and chance from its surroundings, taken from a simulation instead, for as long as that runs.
 * A simulation runs in one synchronous call, so nobody else in this process sees it.
 */
import { drawAnew } from "../../../src/Chance.ts"
import type { Timeline } from "./Timeline.ts"
import { startMs } from "./Timeline.ts"

/** Runs with the timeline's time and `random`'s chance, and puts everything back. */
export function faked<A>(timeline: Timeline, random: () => number, run: () => A): A {
  const replaced = replacements(timeline, random).map(([owner, name, value]) => {
    const before = Object.getOwnPropertyDescriptor(owner, name)
    Object.defineProperty(owner, name, { value, configurable: true, writable: true })
    return { owner, name, before }
  })
  drawAnew()
  try {
    return run()
  } finally {
    drawAnew()
    for (const { owner, name, before } of replaced) {
      if (before === undefined) Reflect.deleteProperty(owner, name)
      else Object.defineProperty(owner, name, before)
    }
  }
}

type Cancel = () => void

const replacements = (
  timeline: Timeline,
  random: () => number
): ReadonlyArray<readonly [owner: object, name: string, value: unknown]> => {
  const bytes = (into: Uint8Array): Uint8Array => into.map(() => Math.floor(random() * 256))
  const fill = (into: Uint8Array): Uint8Array => {
    into.set(bytes(into))
    return into
  }
  const cancel = (handle: Cancel | undefined): void => handle?.()
  const every = (job: () => void, ms: number): Cancel => {
    let stop = timeline.after(ms, again)
    function again(): void {
      stop = timeline.after(ms, again)
      job()
    }
    return () => stop()
  }
  return [
    [globalThis, "setTimeout", (job: () => void, ms = 0) => timeline.after(ms, job)],
    [globalThis, "setInterval", every],
    [globalThis, "setImmediate", (job: () => void) => timeline.after(0, job)],
    [globalThis, "queueMicrotask", (job: () => void) => timeline.micro(job)],
    // Many fail, and nobody reads where.
    [Error, "stackTraceLimit", 0],
    [globalThis, "clearTimeout", cancel],
    [globalThis, "clearInterval", cancel],
    [globalThis, "clearImmediate", cancel],
    [Date, "now", () => timeline.nowMs],
    [performance, "now", () => timeline.nowMs - startMs],
    [Math, "random", random],
    [crypto, "randomUUID", () => Buffer.from(bytes(new Uint8Array(16))).toString("hex")],
    [crypto, "getRandomValues", fill]
  ]
}
