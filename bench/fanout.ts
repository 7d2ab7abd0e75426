/**
 * What a tick costs besides the sockets: a view with so many phones of its own that walk twice a second, and outboxes
 * that throw away what they are given. Writing is measured elsewhere; it costs 7 to 9 µs a phone (design 7).
 */
import { Pace } from "../gen/noriter/client/v1/playground.ts"
import { MemberRecord, PresenceState } from "../gen/noriter/space/v1/records.ts"
import type { Outbox } from "../src/client/Outbox.ts"
import { View } from "../src/plaza/playground/View.ts"
import { quantile, spread } from "./Measure.ts"
import type { Bench, Row } from "./Report.ts"

interface Scene {
  readonly name: string
  readonly phones: number
  readonly sizeCm: number
  /** Milliseconds a tick; design 7: a third of a tick of 100 ms is for what is not the kernel's. */
  readonly target: number
  /** One in so many hides somebody around it; absent: nobody does. */
  readonly hidingOneIn?: number
}

const scenes: ReadonlyArray<Scene> = [
  { name: "2,000 phones, 45 in view", phones: 2_000, sizeCm: 20_000, target: 7 },
  { name: "10,000 phones, 45 in view", phones: 10_000, sizeCm: 44_800, target: 35 },
  { name: "10,000 phones, 225 in view", phones: 10_000, sizeCm: 20_000, target: 35 },
  { name: "10,000 phones in nine crowded cells", phones: 10_000, sizeCm: 3_000, target: 35 },
  {
    name: "2,000 phones, 45 in view, of whom one in ten hides one",
    phones: 2_000,
    sizeCm: 20_000,
    target: 7,
    hidingOneIn: 10
  }
]

const movesPerSecond = 2
const tickMs = 100
/** At a walk, 1.4 m/s. */
const stepCm = 70

class Sink implements Outbox {
  static bytes = 0
  answer(): void {}
  push(chunk: Uint8Array): void {
    Sink.bytes += chunk.length
  }
  latest(chunk: Uint8Array): boolean {
    Sink.bytes += chunk.length
    return true
  }
  flush(): void {}
  schedule(): void {}
}

const guestOf = (member: number): string => `g_${member}`

function viewOf({ phones, sizeCm, hidingOneIn = Number.POSITIVE_INFINITY }: Scene): View {
  const grid = { widthCm: sizeCm, heightCm: sizeCm, cellCm: 1_000, cellShownMax: 32, movesBytesPerSecond: 20_000 }
  const view = new View({ tag: "park/1", incarnation: "r1", epoch: "1.1", ...grid })
  const state = PresenceState.PRESENCE_STATE_PRESENT
  for (let member = 1; member <= phones; member++) {
    const place = { xCm: Math.floor(Math.random() * sizeCm), yCm: Math.floor(Math.random() * sizeCm) }
    const record = MemberRecord.fromPartial({
      guest: guestOf(member),
      nickname: "바람",
      avatar: "fox",
      state,
      ...place
    })
    view.memberChanged(member, member, record, 0)
    view.join({ member, session: "s", pace: Pace.PACE_FULL, outbox: new Sink() }, { history: 0 })
  }
  for (let member = hidingOneIn; member <= phones; member += hidingOneIn) {
    const near = nearest(view, member, phones)
    if (near !== undefined) view.hide(member, new Set([guestOf(near)]))
  }
  return view
}

/** Whom one sees for longest while both walk about. */
function nearest(view: View, member: number, phones: number): number | undefined {
  const from = view.positionOf(member)
  const distanceTo = (other: number): number => {
    const to = view.positionOf(other)
    return from === undefined || to === undefined
      ? Number.POSITIVE_INFINITY
      : Math.hypot(to.xCm - from.xCm, to.yCm - from.yCm)
  }
  const others = Array.from({ length: phones }, (_, index) => index + 1).filter((other) => other !== member)
  return others.reduce((best, other) => (distanceTo(other) < distanceTo(best) ? other : best), others[0] ?? member)
}

/** Each tick one member in five goes on, as they do who walk twice a second. */
function walk(view: View, { phones, sizeCm }: Scene, tick: number): number {
  const every = Math.round(1000 / tickMs / movesPerSecond)
  let moves = 0
  for (let member = 1 + (tick % every); member <= phones; member += every) {
    const from = view.positionOf(member)
    if (from === undefined) continue
    // A direction of its own, and back from the edges.
    const angle = member + Math.floor(tick / 100)
    const xCm = folded(Math.round(from.xCm + stepCm * Math.cos(angle)), sizeCm)
    const yCm = folded(Math.round(from.yCm + stepCm * Math.sin(angle)), sizeCm)
    view.moved(member, xCm, yCm)
    moves++
  }
  return moves
}

const folded = (value: number, size: number): number =>
  value < 0 ? -value : value >= size ? 2 * size - 2 - value : value

function measureScene(scene: Scene, seconds: number): ReadonlyArray<Row> {
  const view = viewOf(scene)
  const ticks: Array<number> = []
  const moves: Array<number> = []
  const warmUp = 30
  const until = performance.now() + seconds * 1000
  for (let tick = 0; tick < warmUp * 2 || performance.now() < until; tick++) {
    const begun = performance.now()
    const count = walk(view, scene, tick)
    view.takeMoves()
    const walked = performance.now()
    if (tick === warmUp) Sink.bytes = 0
    view.tick(tick * tickMs)
    if (tick < warmUp) continue
    moves.push(((walked - begun) * 1e6) / count)
    ticks.push(performance.now() - walked)
  }
  const bytes = (Sink.bytes / ticks.length / scene.phones) * (1000 / tickMs)
  const p99 = quantile(ticks, 0.99)
  return [
    { name: `${scene.name}, a tick`, unit: "ms", target: scene.target, ...spread(ticks) },
    { name: `${scene.name}, a tick, p99`, unit: "ms", median: p99, low: p99, high: Math.max(...ticks) },
    { name: `${scene.name}, a move taken in`, unit: "ns", ...spread(moves) },
    { name: `${scene.name}, bytes to a phone`, unit: "B/s", median: bytes, low: bytes, high: bytes }
  ]
}

export const fanout: Bench = {
  name: "fanout",
  about: "a tick of a channel whose phones all walk twice a second, without the sockets",
  run: async (seconds, at) =>
    scenes.flatMap((scene) => {
      at(scene.name)
      return measureScene(scene, seconds * 3)
    })
}
