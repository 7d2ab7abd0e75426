/**
 * What Redis takes for a commit, a read and a snapshot: a real Redis of its own on this machine, which shares its cores
 * with us. Single operations are measured with a hundred in flight, as a runner has them; a figure is the time each takes
 * of the whole, not how long one waits.
 */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { ServiceSet } from "../scripts/services/ServiceSet.ts"
import { Redis } from "../src/link/Redis.ts"
import * as RedisSharedSpace from "../src/space/RedisSharedSpace.ts"
import { type Commit, commitOf, SharedSpace } from "../src/space/SharedSpace.ts"
import { memberKey } from "../src/space/Tag.ts"
import { spread } from "./Measure.ts"
import type { Bench, Row } from "./Report.ts"

type Space = SharedSpace["Service"]
type Once = (space: Space, time: number) => Effect.Effect<unknown, unknown>

interface Piece {
  readonly name: string
  readonly unit: "µs" | "ms"
  readonly inFlight: number
  /** How often between two looks at the clock. */
  readonly times: number
  readonly target?: number
  readonly once: Once
}

const generation = { era: 1, n: 1 }
const value = new Uint8Array(100).fill(7)
const channels = 100
const membersMax = 5_000
const by = { incarnation: "r1-1", runner: "r1", epoch: { era: 1, node: 1 }, connection: 1 }
const members = Array.from({ length: membersMax }, (_, at) => at + 1)

const made = (tag: string, parts: Partial<Commit>): Commit =>
  commitOf({ tag, generation, found: true, changes: [], ...parts })

const put: Once = (space, time) => {
  const tag = `put/${1 + (time % channels)}`
  const changes = [{ _tag: "Put", key: `k${time % 50}`, value }] as const
  return space.commit(made(tag, { changes, tell: [{ channel: tag, bytes: value }] }))
}

/** As a said line has it: applied, remembered, appended, told. */
const line: Once = (space, time) => {
  const [tag, offset] = [`line/${1 + (time % channels)}`, Math.floor(time / channels)]
  const outcome = { session: `s${offset % 300}`, id: 1 + Math.floor(offset / 300), bodyHash: value, answer: value }
  const bounds = { countMax: 1_500, ageMsMax: 60_000 }
  return space.commit(
    made(tag, {
      guard: { _tag: "Applied", records: [{ offset, timeMs: offset, facts: [], outcome }] },
      reads: [{ key: memberKey(offset % 300), version: 0 }],
      changes: [{ _tag: "Append", stream: "s", class: "c", seq: offset + 1, timeMs: offset, value, ...bounds }],
      tell: [{ channel: tag, bytes: value }]
    })
  )
}

const read: Once = (space, time) =>
  space.read({
    tag: `line/${1 + (time % channels)}`,
    keys: [memberKey(1), memberKey(2)],
    outcomes: [{ session: "s1", id: 1 }]
  })

const positions: Once = (space) =>
  space.writePositions({ tag: "big/1", generation, by, member: members, xCm: members, yCm: members })

const pieces: ReadonlyArray<Piece> = [
  { name: "put and tell, one by one", unit: "µs", inFlight: 1, times: 200, once: put },
  { name: "put and tell", unit: "µs", inFlight: 100, times: 2_000, target: 100, once: put },
  { name: "apply a line", unit: "µs", inFlight: 100, times: 2_000, once: line },
  { name: "read two keys and an outcome", unit: "µs", inFlight: 100, times: 2_000, once: read },
  { name: "positions of 5,000 members", unit: "ms", inFlight: 1, times: 1, once: positions },
  {
    name: "snapshot of 5,000 members",
    unit: "ms",
    inFlight: 1,
    times: 1,
    once: (space) => space.snapshot("big/1", "member/", "s")
  }
]

/** A channel with so many members. */
const fill = Effect.fnUntraced(function* (space: Space) {
  for (let from = 0; from < membersMax; from += 500) {
    const some = members.slice(from, from + 500)
    const changes = some.map((member) => ({ _tag: "Put", key: memberKey(member), value, owner: by }) as const)
    yield* space.commit(made("big/1", { changes }))
  }
})

const measured = Effect.fnUntraced(function* (
  space: Space,
  { name, unit, inFlight, times, target, once }: Piece,
  seconds: number
) {
  const taken: Array<number> = []
  let time = 0
  const until = performance.now() + seconds * 1_000
  while (taken.length < 10 || performance.now() < until) {
    const [end, begun] = [time + times, performance.now()]
    const worker = Effect.gen(function* () {
      while (time < end) yield* once(space, time++)
    })
    yield* Effect.all(
      Array.from({ length: inFlight }, () => worker),
      { concurrency: "unbounded", discard: true }
    )
    taken.push(((performance.now() - begun) / times) * (unit === "µs" ? 1_000 : 1))
  }
  const row: Row = { name: inFlight === 1 ? name : `${name}, ${inFlight} in flight`, unit, ...spread(taken) }
  return target === undefined ? row : { ...row, target }
})

async function run(seconds: number, at: (what: string) => void): Promise<ReadonlyArray<Row>> {
  const folder = await mkdtemp(join(tmpdir(), "noriter-"))
  const set = new ServiceSet(folder)
  try {
    const url = Redacted.make(await set.start("redis"))
    const layer = RedisSharedSpace.layer.pipe(Layer.provide(Redis.layer({ url, prefix: "" })))
    const all = Effect.gen(function* () {
      const space = yield* SharedSpace
      yield* fill(space)
      return yield* Effect.forEach(pieces, (piece) => {
        at(piece.name)
        return measured(space, piece, seconds)
      })
    })
    return await Effect.runPromise(Effect.provide(all, layer))
  } finally {
    await set.stopAll()
    await rm(folder, { recursive: true, force: true })
  }
}

export const commits: Bench = {
  name: "commits",
  about: "the shared space in a real Redis (it is started for this)",
  run
}
