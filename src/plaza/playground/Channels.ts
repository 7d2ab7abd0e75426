/**
 * The channels this runner has phones in, each with its view. Owns when a view is opened, fed, ticked and compared with
 * the shared space (rules C3, P1, P10); what a view tells whom is the view's.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { ChatViewConsumer, PlaygroundViewConsumer } from "../../../gen/consumers.ts"
import { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { MemberRecord } from "../../../gen/noriter/space/v1/records.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { generationText, isSameGeneration } from "../../link/Roster.ts"
import type { LinkError } from "../../link/RunnerLink.ts"
import { monotonicMs } from "../../Monotonic.ts"
import { Settings } from "../../Settings.ts"
import { membersCounter } from "../../space/PresenceWrites.ts"
import { Self } from "../../space/Self.ts"
import { SharedSpace, type Snapshot, type SpaceError } from "../../space/SharedSpace.ts"
import { memberPrefix } from "../../space/Tag.ts"
import { members as membersFigure, signalsShed, tickInterval, tickSeconds } from "../../telemetry/Metrics.ts"
import { withSpan } from "../../telemetry/Tracing.ts"
import { enduring, Workers } from "../../Workers.ts"
import type { Trace } from "../../wire/Trace.ts"
import { reasonKnown } from "./Difference.ts"
import { LineFlow } from "./LineFlow.ts"
import { linesStream } from "./LineStream.ts"
import { Spread } from "./Spread.ts"
import { Tempo } from "./Tempo.ts"
import { View } from "./View.ts"
import { World } from "./World.ts"

export class Channels extends Context.Service<
  Channels,
  {
    /** The view of a channel, where this runner has one. */
    readonly view: (tag: string) => View | undefined
    /** Opens the view of a channel, or gives the one that is open. It closes when no phone has been in it for a while. */
    readonly open: (tag: string) => Effect.Effect<View, SpaceError | LinkError>
    /** Fetches what a view has not heard yet of the lines up to this one. */
    readonly catchUp: (tag: string, seq: number) => Effect.Effect<void>
    /** Reads a channel anew: its view has not heard of all who came and went. */
    readonly refresh: (tag: string) => Effect.Effect<void, SpaceError>
    /** Reads every channel anew: the shared space, or who this runner is, is not what it was. */
    readonly reload: Effect.Effect<void, SpaceError>
    readonly all: () => Iterable<View>
    /** How often a phone is told of moves now. */
    readonly tickMs: () => number
  }
>()("noriter/plaza/playground/Channels") {
  static readonly layer = Layer.effect(
    Channels,
    Effect.suspend(() => make)
  )
}

/** A view is kept for this long without a phone in it: people go out and in. */
const idleMsMax = 10_000
/** How often positions are written (rule P10), and heads compared (rule C3). */
const positionsMs = 1_000
const compareMs = 1_000
/** Lines fetched at once to fill a gap. */
const fillLinesMax = 1_000

interface Channel {
  readonly view: View
  readonly scope: Scope.Closeable
  /** Since when no phone is in it; undefined while one is. */
  idleSinceMs: number | undefined
  /** Lines are fetched once at a time. */
  readonly filling: Semaphore.Semaphore
  allPositions: boolean
  /** Who was missing stayed, as they may yet be put back: to be read again. */
  provisional: boolean
  readonly flow: LineFlow
}

/** Of a channel that was never founded in this generation. */
const nothing = {
  version: 0,
  entries: new Map(),
  positions: new Map(),
  counters: new Map(),
  head: { seq: 0, trimmedTo: 0 },
  lines: []
} satisfies Omit<Snapshot, "generation">

const make = Effect.gen(function* () {
  const bus = yield* EventBus
  const space = yield* SharedSpace
  const self = yield* Self
  const workers = yield* Workers
  const settings = yield* Settings
  const world = yield* World
  const channels = new Map<string, Channel>()
  /** Open while there is any: without one nothing ticks, and this process need not wake. */
  const inhabited = Latch.makeUnsafe()
  /** A view that is opened again numbers its frames above those of the one before, which the other runners have seen. */
  let framesBefore = 0
  const opening = Semaphore.makeUnsafe(1)
  const fork = Effect.runForkWith(yield* Effect.context<never>())

  const hear = (channel: Channel, line: LineTold): void => {
    const heard = channel.view.heard(line)
    if (heard === "heard") channel.flow.news()
    else if (heard === "gap") fork(fillUnlessFilling(channel))
  }

  /** Fetches the lines that this view missed (rule C3). What comes meanwhile is a gap, too, and is fetched with them. */
  const fill = Effect.fnUntraced(
    function* (channel: Channel) {
      const { view } = channel
      while (true) {
        const before = view.head
        const { head, entries } = yield* space.history(view.tag, linesStream, view.head, fillLinesMax)
        if (head.trimmedTo > view.head) view.gapUnfillable(head.trimmedTo)
        for (const entry of entries) view.heard(LineTold.decode(entry.value))
        channel.flow.news()
        // Where nothing of it could be taken in, asking again is of no use.
        if (view.head >= head.seq || view.head === before) return
      }
    },
    Effect.catchCause((cause) => Effect.logWarning("lines that were missed could not be fetched", cause))
  )
  const fillUnlessFilling = (channel: Channel) => channel.filling.withPermitsIfAvailable(1)(fill(channel))

  /** With `keepsPlaces` where nobody is asked where they stand now. */
  const load = Effect.fnUntraced(function* (channel: Channel, keepsPlaces: boolean) {
    const { view } = channel
    const before = view.known
    const snapshot = yield* space.snapshot(view.tag, memberPrefix, linesStream)
    const { generation } = snapshot
    // Missing is not empty: what was not founded in this generation is read as nothing only if the space is of it (L12).
    const isOfNow = generation !== undefined && isSameGeneration(generation, self.generation)
    if (!isOfNow && view.recordCount > 0 && !(yield* self.isCurrent)) return
    const isUnsettled = self.unsettledMs() > 0
    const wentBack = view.loadSnapshot(isOfNow ? snapshot : { ...nothing, generation: self.generation }, before, {
      missing: isUnsettled,
      places: keepsPlaces
    })
    channel.provisional = isUnsettled || wentBack
    // A new generation is no news to this runner.
    if (wentBack && view.epoch === generationText(self.generation)) self.look("it has gone back")
  })

  const open = Effect.fnUntraced(function* (tag: string) {
    const known = channels.get(tag)
    if (known !== undefined) {
      known.idleSinceMs = undefined
      return known.view
    }
    const scope = yield* Scope.make()
    const view = newView(tag)
    const channel: Channel = {
      view,
      scope,
      idleSinceMs: undefined,
      filling: Semaphore.makeUnsafe(1),
      allPositions: false,
      provisional: false,
      flow: new LineFlow(view)
    }
    channels.set(tag, channel)
    inhabited.openUnsafe()
    return yield* bus.listen(tag).pipe(
      Scope.provide(scope),
      // Subscribed first: what is told between the snapshot and now is in the snapshot, and changes nothing again.
      Effect.andThen(load(channel, false)),
      Effect.andThen(askKeyFrames(tag)),
      Effect.as(view),
      Effect.onError(() => close(tag, channel))
    )
  }, opening.withPermits(1))

  /** Asks the other runners where all of their members stand (rule P10). */
  const askKeyFrames = (tag: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { id: incarnation } = self.incarnation
      return Effect.ignore(bus.publish({ $type: "noriter.runner.v1.KeyFrameAsked", channel: tag, incarnation }))
    })

  const newView = (tag: string): View => {
    const playground = world.find(tag.slice(0, tag.lastIndexOf("/")))
    if (playground === undefined) throw new Error(`no playground has the channel ${tag}`)
    const { widthCm, heightCm } = playground
    const { cellCm, cellShownMax, movesBytesPerSecond, outboxBytesMax } = settings
    // The other half is for what comes while it reads that.
    const missedBytesMax = outboxBytesMax / 2
    const own = { tag, incarnation: self.incarnation.id, epoch: generationText(self.generation), framesBefore }
    return new View({ ...own, widthCm, heightCm, cellCm, cellShownMax, movesBytesPerSecond, missedBytesMax })
  }

  const close = (tag: string, { view, scope }: Channel): Effect.Effect<void> =>
    Effect.suspend(() => {
      channels.delete(tag)
      if (channels.size === 0) inhabited.closeUnsafe()
      framesBefore = Math.max(framesBefore, view.frameCount)
      return Scope.close(scope, Exit.void)
    })

  /** What a frame says of a channel, in the trace it came with; nobody looks at the channel: nothing. */
  const heard = (
    told: { readonly $type: string; readonly channel: string },
    trace: Trace | undefined,
    take: (channel: Channel) => void
  ): Effect.Effect<void> =>
    withSpan(
      `hear ${told.$type}`,
      trace,
      Effect.sync(() => {
        const channel = channels.get(told.channel)
        if (channel !== undefined) take(channel)
      })
    )

  yield* bus.register(PlaygroundViewConsumer, {
    move: (told) => Effect.sync(() => channels.get(told.channel)?.view.applyMoves(told)),
    change: (told, trace) =>
      heard(told, trace, (channel) => {
        const { member, version, record: bytes, reason, runner } = told
        const record = bytes === undefined ? undefined : MemberRecord.decode(bytes)
        channel.view.memberChanged(member, version, record, reasonKnown(reason), runner)
      }),
    sendKey: ({ channel, incarnation: asking }) =>
      Effect.sync(() => {
        if (asking !== self.incarnation.id) channels.get(channel)?.view.keyFrameAsked()
      })
  })
  const tempo = new Tempo(settings.tickMs, settings.tickLagMs)
  const signal = (tell: (channel: Channel) => void) => (channel: Channel) => {
    if (tempo.shedsSignals) signalsShed.count++
    else tell(channel)
  }
  yield* bus.register(ChatViewConsumer, {
    hear: (line, trace) => heard(line, trace, (channel) => hear(channel, line)),
    emote: (told, trace) =>
      heard(
        told,
        trace,
        signal(({ view }) => view.emoted(told.member, told.kind))
      ),
    type: (told, trace) =>
      heard(
        told,
        trace,
        signal(({ view }) => view.typed(told.member))
      )
  })

  const spread = new Spread((composeMs, writeMs) => {
    tickSeconds.observe((composeMs + writeMs) / 1000)
    tempo.told(composeMs, writeMs)
  })
  /** Every time that a tick may be; whether one is, the tempo says. */
  const beat = Effect.suspend(() => {
    const changed = tempo.beat(performance.now(), tempo.isNextDue ? spread.finish() : 0)
    tickInterval.value = tempo.tickMs / 1000
    if (changed) for (const { view } of channels.values()) view.ticking(tempo.tickMs)
    return tempo.isDue ? tick : Effect.void
  })
  const tick = Effect.gen(function* () {
    spread.finish()
    const began = performance.now()
    const nowMs = yield* monotonicMs
    for (const { view, flow } of channels.values()) {
      const moves = view.takeMoves()
      // Not waited for: phones here are told at every tick, however long the link takes. Others may not hear of it.
      if (moves !== undefined) fork(Effect.catch(bus.publish(moves), () => Effect.sync(() => view.keyFrameAsked())))
      if (view.isKeyFrameDue(nowMs)) fork(askKeyFrames(view.tag))
      view.tick(nowMs, (viewers) => spread.add(viewers), flow.isComing)
    }
    spread.begin(performance.now() - began)
  })

  const positionsOf = Effect.fnUntraced(function* (channel: Channel) {
    const moved = channel.view.takePositions(channel.allPositions)
    if (moved.member.length === 0) return
    channel.allPositions = false
    const { id: incarnation, runner, epoch } = self.incarnation
    const by = { incarnation, runner, epoch }
    yield* space.writePositions({ tag: channel.view.tag, generation: self.generation, by, ...moved }).pipe(
      // Nobody knows what of it was written: the next one says where all stand.
      Effect.onError(() =>
        Effect.sync(() => {
          channel.allPositions = true
        })
      ),
      // No reason for the channels behind it. The first that a runner that stood still hears of its fence, often.
      Effect.catchTag("CommitRefused", (refused) => {
        if (refused.reason === "Fenced") self.fenced(incarnation)
        return Effect.logWarning(`the positions of ${channel.view.tag} were refused`, refused)
      })
    )
  })
  const positions = Effect.suspend(() => Effect.forEach([...channels.values()], positionsOf, { discard: true }))

  /** Compares each view with the shared space: what was told and lost is made good (rule C3). */
  const compare = Effect.gen(function* () {
    const nowMs = yield* monotonicMs
    const heads = yield* space.heads([...channels.keys()])
    let members = 0
    for (const [tag, channel] of channels) {
      const { view } = channel
      members += view.memberCount
      const now = heads.get(tag)
      const isAnew = view.epoch !== generationText(self.generation)
      if (!isAnew && (now?.heads.get(linesStream)?.seq ?? 0) > view.head) yield* fillUnlessFilling(channel)
      const isOther = (now?.counters.get(membersCounter) ?? 0) !== view.recordCount
      if (isAnew || isOther || (channel.provisional && self.unsettledMs() === 0)) yield* load(channel, true)
      channel.idleSinceMs = view.phoneCount > 0 ? undefined : (channel.idleSinceMs ?? nowMs)
      if (channel.idleSinceMs !== undefined && nowMs - channel.idleSinceMs >= idleMsMax) yield* close(tag, channel)
    }
    membersFigure.value = members
  })

  /**
   * Members may have come, gone or changed, and walked (rule P10); and others may not have heard where ours stand, or we
   * not that they asked.
   */
  const reload = Effect.suspend(() =>
    Effect.forEach(
      [...channels.values()],
      (channel) => {
        channel.view.incarnation = self.incarnation.id
        channel.view.keyFrameAsked()
        channel.allPositions = true
        return Effect.andThen(load(channel, false), askKeyFrames(channel.view.tag))
      },
      { discard: true }
    )
  )

  const whileInhabited = <E>(everyMs: number, round: Effect.Effect<void, E>) => {
    const rounds = Effect.repeat(round, { schedule: Schedule.fixed(everyMs), while: () => channels.size > 0 })
    return Effect.forever(Effect.andThen(inhabited.await, rounds))
  }
  yield* workers.run("tick", whileInhabited(settings.tickMs, beat))
  yield* workers.run("positions", whileInhabited(positionsMs, enduring("positions", positions)))
  yield* workers.run("heads", Effect.repeat(enduring("heads", compare), Schedule.fixed(compareMs)))
  // Whoever comes back on another runner stands where they stood last, and then where that one says, whatever was said here.
  const ask = Effect.suspend(() => Effect.forEach([...channels.keys()], askKeyFrames, { discard: true }))
  const inTime = <A, E>(last: Effect.Effect<A, E>) => Effect.ignore(Effect.timeout(last, positionsMs))
  yield* Effect.addFinalizer(() => Effect.andThen(inTime(positions), inTime(ask)))

  return Channels.of({
    view: (tag) => channels.get(tag)?.view,
    open,
    catchUp: (tag, seq) =>
      Effect.suspend(() => {
        const channel = channels.get(tag)
        if (channel === undefined) return Effect.void
        // What is being fetched now may bring it, or have been asked for too early.
        const missing = Effect.suspend(() => (channel.view.head >= seq ? Effect.void : fill(channel)))
        return channel.filling.withPermits(1)(missing)
      }),
    refresh: (tag) =>
      Effect.suspend(() => {
        const channel = channels.get(tag)
        return channel === undefined ? Effect.void : load(channel, true)
      }),
    reload,
    all: () => [...channels.values()].map(({ view }) => view),
    tickMs: () => tempo.tickMs
  })
})
