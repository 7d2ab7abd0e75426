/** Does the steps of a schedule: phones speak and walk, processes die, servers forget. */
import * as Effect from "effect/Effect"
import type { OrderRefused, Orders, Standing } from "../../../src/plaza/ops/Orders.ts"
import type { ServiceName } from "../Trouble.ts"
import { type Body, type City, cellsIn, playgrounds } from "./City.ts"
import type { Device } from "./Device.ts"
import type { Request } from "./Requests.ts"
import type { Step, What } from "./Schedule.ts"

const services: ReadonlyArray<ServiceName> = ["link", "log", "roster", "space"]
/** Short enough that it is no more than out of the roster; or longer, so that it counts as dead and is swept up after. */
const frozenTimes = 2
/** After somebody has been asked for something: somewhere between two of the writes that follow. */
const frozenWithinMs = 30
/** A runner misses a phone after so long at most. */
const missedMsMax = 3_000
/** A runner is cut off so long that it gives up what it was writing for a phone. */
const givenUpMs = 5_000
/** One in so many numbers that an operator has seen is given to another before they order. */
const givenAnewOneIn = 4
/** A process that is started beside the one of its name is gone after so long at most. */
const doubledMsMin = 500

export class Nemesis {
  readonly #city: City
  readonly #devices: ReadonlyArray<Device>
  #isFlushed = false

  constructor(city: City, devices: ReadonlyArray<Device>) {
    this.#city = city
    this.#devices = devices
  }

  /** Whether what was remembered of requests was lost with the shared space. */
  get isFlushed(): boolean {
    return this.#isFlushed
  }

  do(step: Step): void {
    this.#deeds[step.what](step)
  }

  readonly #deeds: Record<What, (step: Step) => void> = {
    // What phones do.
    say: (step) => this.#ask(step, "say", (text) => ({ say: { text, reach: "REACH_PLAYGROUND" } })),
    whisper: (step) => this.#ask(step, "whisper", (text) => ({ whisper: { member: this.#memberFor(step), text } })),
    give: (step) =>
      this.#ask(step, "give", () => ({
        give: { member: this.#memberFor(step), kind: "daisy", count: 1 + (step.how % 4) }
      })),
    block: (step) => this.#ask(step, "block", () => ({ block: { member: this.#memberFor(step) } })),
    unblock: (step) => this.#ask(step, "unblock", () => ({ unblock: { block: 1 + (step.how % 3) } })),
    walk: (step) => this.#walk(step),
    go: (step) => this.#deviceOf(step)?.go(["park", "yard", "yard", "park", ""][step.how % 5] ?? ""),
    drop: (step) => this.#deviceOf(step)?.drop(step.forMs % missedMsMax),
    forget: (step) => this.#deviceOf(step)?.forget(step.forMs % missedMsMax),
    part: (step) => this.#part(step),
    // What operators do.
    announce: (step) => this.#announce(step),
    remove: (step) => this.#remove(step),
    // What befalls processes.
    kill: (step) => this.#killed(this.#runnerOf(step), this.#city.runners, step, (id) => this.#city.startRunner(id)),
    freeze: (step) => this.#freeze(this.#runnerOf(step), step),
    cut: (step) => this.#cut(this.#runnerOf(step), step),
    stop: (step) => this.#runnerOf(step)?.leave(),
    double: (step) => this.#double(this.#runnerOf(step), step),
    rebalance: (step) => this.#rebalance(this.#runnerOf(step), step),
    "kill watcher": (step) =>
      this.#killed(this.#watcherOf(step), this.#city.watchers, step, (id) => this.#city.startWatcher(id)),
    "freeze watcher": (step) => this.#stopped(this.#watcherOf(step), step.forMs),
    "cut watcher": (step) => this.#cut(this.#watcherOf(step), step),
    // What befalls servers.
    reconnect: ({ how }) => (how % 2 === 0 ? this.#city.hub.reconnect() : this.#city.space.reconnect()),
    flush: () => this.#flushed(() => this.#city.space.flush()),
    "flush quietly": () => this.#flushed(() => this.#city.space.flushQuietly()),
    rewind: ({ forMs }) => {
      const { space, timeline } = this.#city
      const saved = space.save()
      timeline.after(forMs / 4, () => space.rewind(saved))
    }
  }

  #deviceOf({ who }: Step): Device | undefined {
    return pick(this.#devices, who)
  }

  #runnerOf({ who }: Step): Body | undefined {
    return pick(this.#city.runners, who)
  }

  #watcherOf({ who }: Step): Body | undefined {
    return pick(this.#city.watchers, who)
  }

  // --- Phones ---

  /** Anywhere in its playground, and now and then a step beyond. */
  #walk(step: Step): void {
    const device = this.#deviceOf(step)
    const cells = cellsIn(device?.place?.tag ?? "")
    device?.walk(step.how * cells, 1_000 - step.how)
  }

  /** One in three gifts wants no answer, and so is not known again by an id. */
  #ask(step: Step, kind: Request["kind"], body: (text: string) => object): void {
    const device = this.#deviceOf(step)
    device?.ask(device.requests.make(kind, body, kind !== "give" || step.how % 3 > 0))
  }

  /** Somebody in its view; nobody, where nobody is. */
  #memberFor(step: Step): number {
    return pick([...(this.#deviceOf(step)?.sight.members.keys() ?? [])], step.how) ?? 0
  }

  /**
   * Somebody comes back to a runner that is cut off from the shared space while it writes so, and does not come again: what
   * it has claimed for them nobody else looks after.
   */
  #part(step: Step): void {
    const device = this.#deviceOf(step)
    const { process, accept } = this.#runnerOf(step) ?? {}
    if (device === undefined || process === undefined || accept === undefined) return
    const { timeline } = this.#city
    device.turnTo({ process, accept })
    timeline.after(step.how % frozenWithinMs, () => {
      process.cut("space")
      device.part(step.forMs % missedMsMax)
      timeline.after(givenUpMs, () => process.heal("space"))
    })
  }

  // --- Operators ---

  #announce({ who, how, atMs }: Step): void {
    const playground = pick(playgrounds, who)
    this.#order(how, ({ announce }) => announce({ playground, text: `an operator's ${atMs}, ${how}` }))
  }

  /**
   * An operator looks for somebody by name, and a while later has whom they saw removed by another runner. Now and then the
   * number is another's by then, who is not to be removed.
   */
  #remove(step: Step): void {
    const { name, guest, place } = this.#deviceOf(step) ?? {}
    if (guest === undefined || place === undefined) return
    const { tag: channel } = place
    const isAnothers = step.how % givenAnewOneIn === 0
    const found = (standing: ReadonlyArray<Standing>) => {
      const one = standing.find(({ nickname }) => nickname === name)
      if (one === undefined) return
      const order = { channel, member: one.member, seen: isAnothers ? "somebody else" : one.seen }
      this.#city.timeline.after(step.forMs / 4, () => {
        if (!isAnothers) this.#city.removals.add(guest)
        this.#order(step.how + 1, ({ remove }) => remove(order))
      })
    }
    this.#order(step.how, ({ members }) => Effect.map(members(channel), found))
  }

  /** One that is refused is not asked again. */
  #order(runner: number, ask: (orders: Orders) => Effect.Effect<unknown, OrderRefused>): void {
    const { process, orders } = pick(this.#city.runners, runner) ?? {}
    if (orders !== undefined) process?.run(ask(orders))
  }

  // --- Processes ---

  #killed(body: Body | undefined, all: Array<Body>, { forMs }: Step, start: (id: string) => void): void {
    if (body === undefined) return
    this.#city.kill(body, all)
    this.#city.timeline.after(forMs, () => start(body.id))
  }

  /**
   * Just when those it holds go elsewhere, so that what it had begun for them it goes on with when it is thawed; and
   * somebody says hello to it, who will not wait for an answer.
   */
  #freeze(body: Body | undefined, { how, forMs }: Step): void {
    if (body === undefined) return
    const { process, accept } = body
    const held = this.#devices.filter((device) => device.process === process)
    if (accept !== undefined) pick(this.#devices, how)?.forget(0, { process, accept })
    for (const device of held) device.go(device.wants === "park" ? "yard" : "park")
    this.#city.timeline.after(how % frozenWithinMs, () => this.#stopped(body, forMs * (1 + (how % frozenTimes))))
  }

  #stopped(body: Body | undefined, forMs: number): void {
    if (body !== undefined) this.#city.freeze(body, forMs)
  }

  #cut(body: Body | undefined, { how, forMs }: Step): void {
    const service = pick(services, how)
    if (body === undefined || service === undefined) return
    body.process.cut(service)
    this.#city.timeline.after(forMs, () => body.process.heal(service))
  }

  /** Somebody has started a second process of the same name. */
  #double(body: Body | undefined, { forMs }: Step): void {
    if (body === undefined) return
    const city = this.#city
    const double = city.startRunner(body.id)
    city.timeline.after(doubledMsMin + forMs, () => {
      if (!double.process.isKilled) city.kill(double, city.runners)
    })
  }

  /** The group has not heard of it for a while, and it knows nothing of that. */
  #rebalance(body: Body | undefined, { forMs }: Step): void {
    if (body === undefined) return
    const { broker, timeline } = this.#city
    broker.evict(body.process.name)
    timeline.after(forMs, () => body.process.isKilled || broker.readmit(body.process.name))
  }

  // --- The shared space ---

  #flushed(flush: () => void): void {
    this.#isFlushed = true
    flush()
  }
}

const pick = <A>(some: ReadonlyArray<A>, number: number): A | undefined => some[number % Math.max(1, some.length)]
