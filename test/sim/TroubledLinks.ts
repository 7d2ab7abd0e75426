/**
 * RunnerLink, TopicLog and Roster as one actor of a simulation has them: another layer of the service with Trouble in
 * between. Owns how each service suffers, not when: that is Trouble's.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Roster, RosterError } from "../../src/link/Roster.ts"
import { LinkError, RunnerLink } from "../../src/link/RunnerLink.ts"
import { AppendFailed, type LogRecord, TopicLog } from "../../src/link/TopicLog.ts"
import type { Actor, ServiceName } from "./Trouble.ts"

export const runnerLink =
  (actor: Actor) =>
  <E, R>(layer: Layer.Layer<RunnerLink, E, R>): Layer.Layer<RunnerLink, E, R> =>
    Layer.effect(
      RunnerLink,
      Effect.map(RunnerLink, (link) => troubledLink(link, actor))
    ).pipe(Layer.provide(layer))

export const topicLog =
  (actor: Actor) =>
  <E, R>(layer: Layer.Layer<TopicLog, E, R>): Layer.Layer<TopicLog, E, R> =>
    Layer.effect(
      TopicLog,
      Effect.map(TopicLog, (log) => troubledLog(log, actor))
    ).pipe(Layer.provide(layer))

export const roster =
  (actor: Actor) =>
  <E, R>(layer: Layer.Layer<Roster, E, R>): Layer.Layer<Roster, E, R> =>
    Layer.effect(
      Roster,
      Effect.map(Roster, (inner) => troubledRoster(inner, actor))
    ).pipe(Layer.provide(layer))

/** Calls `ready` when the service says so, and when a cut from it is healed. */
export const readyOf = (
  actor: Actor,
  service: ServiceName,
  onReady: (ready: () => void) => Effect.Effect<void, never, Scope.Scope>,
  ready: () => void
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => actor.onHealed(service, ready)),
    (forget) => Effect.sync(forget)
  ).pipe(Effect.andThen(onReady(() => actor.deliver(ready))))

// --- RunnerLink ---

function troubledLink(link: RunnerLink["Service"], actor: Actor): RunnerLink["Service"] {
  const failed = (operation: LinkError["operation"]) => (_certain: boolean, cause: Error) =>
    new LinkError({ operation, cause })
  return RunnerLink.of({
    publish: (channel, bytes) => actor.call("link", link.publish(channel, bytes), failed("publish")),
    subscribe: (channel, receive) =>
      actor.call("link", link.subscribe(channel, troubledFrames(actor, receive)), failed("subscribe")),
    onReady: (resync) => readyOf(actor, "link", link.onReady, resync)
  })
}

/**
 * Frames may be lost, heard twice, or heard after the one that follows. Those of places are lost only where the link is, and
 * its return says so: no head tells of one that was the last.
 */
function troubledFrames(actor: Actor, receive: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
  const { trouble } = actor
  let late: Array<Uint8Array> = []
  return (bytes) => {
    const isOfPlaces = ofPlaces.some((key) => Buffer.from(bytes).includes(key))
    if (actor.isCutFrom("link") || (trouble.chance(trouble.troubles.drop) && !isOfPlaces)) return
    if (trouble.chance(trouble.troubles.reorder) && !isOfPlaces) {
      late.push(bytes)
      return
    }
    const heard = trouble.chance(trouble.troubles.duplicate) ? [bytes, bytes, ...late] : [bytes, ...late]
    late = []
    actor.deliver(() => heard.forEach(receive))
  }
}

const ofPlaces = ["noriter.runner.v1.MovesTold", "noriter.runner.v1.KeyFrameAsked"]

// --- TopicLog ---

function troubledLog(log: TopicLog["Service"], actor: Actor): TopicLog["Service"] {
  const { trouble } = actor
  const failed = (topic: string) => (certain: boolean, cause: Error) => new AppendFailed({ topic, certain, cause })
  return TopicLog.of({
    partitionOf: log.partitionOf,
    append: (topic, records) => actor.call("log", log.append(topic, records), failed(topic)),
    offer: (topic, record, settled) => {
      const told = (failure: AppendFailed | undefined) => actor.deliver(() => settled(failure))
      const lost = (certain: boolean) => told(failed(topic)(certain, new Error(`${actor.name} (${trouble})`)))
      if (actor.isCutFrom("log")) queueMicrotask(() => lost(false))
      else if (trouble.chance(trouble.troubles.failBefore)) queueMicrotask(() => lost(true))
      else if (trouble.chance(trouble.troubles.failAfter)) log.offer(topic, record, () => lost(false))
      else log.offer(topic, record, told)
    },
    consume: (options) => {
      const seeks = new Map<string, number>()
      const handle = troubledHandle(actor, options.handle, (at) => seeks.get(`${at?.topic}/${at?.partition}`))
      return Effect.map(log.consume({ ...options, handle }), ({ goBack, seek }) => ({
        goBack,
        seek: (topic: string, partition: number, offset: number) =>
          Effect.andThen(
            Effect.sync(() => {
              const name = `${topic}/${partition}`
              seeks.set(name, (seeks.get(name) ?? 0) + 1)
            }),
            seek(topic, partition, offset)
          )
      }))
    },
    readAll: (topic, handle) => log.readAll(topic, (records) => Effect.andThen(trouble.turn(actor), handle(records)))
  })
}

/** Handed over in pieces, and some of it again; none of it after a seek, which the reader obeys. */
function troubledHandle(
  actor: Actor,
  handle: (records: ReadonlyArray<LogRecord>) => Effect.Effect<void>,
  seeks: (of: LogRecord | undefined) => number | undefined
): (records: ReadonlyArray<LogRecord>) => Effect.Effect<void> {
  const { trouble } = actor
  return Effect.fnUntraced(function* (records) {
    const before = seeks(records[0])
    for (let at = 0; at < records.length; ) {
      const end = at + 1 + trouble.below(records.length - at)
      yield* trouble.turn(actor)
      if (seeks(records[0]) !== before) return
      yield* handle(records.slice(at, end))
      // Again from any record handled so far, as when the group's offset was lost.
      at = trouble.chance(trouble.troubles.redeliver) ? trouble.below(end) : end
    }
    yield* trouble.turn(actor)
  })
}

// --- Roster ---

function troubledRoster(inner: Roster["Service"], actor: Actor): Roster["Service"] {
  const failed = (operation: RosterError["operation"]) => (_certain: boolean, cause: Error) =>
    new RosterError({ operation, cause })
  return Roster.of({
    join: (runner) => actor.call("roster", joined(inner, actor, runner), failed("join")),
    living: actor.call("roster", inner.living, failed("living")),
    onChange: (changed) => inner.onChange(() => actor.deliver(() => actor.isCutFrom("roster") || changed())),
    generation: actor.call("roster", inner.generation, failed("generation")),
    raise: (from) => actor.call("roster", inner.raise(from), failed("generation")),
    era: (atLeast) => actor.call("roster", inner.era(atLeast), failed("generation"))
  })
}

/** A membership in a scope of its own, which `expire` closes before the actor's does. */
const joined = Effect.fnUntraced(function* (inner: Roster["Service"], actor: Actor, runner: string) {
  const session = yield* Scope.fork(yield* Effect.scope)
  const membership = yield* inner.join(runner).pipe(Scope.provide(session))
  const forget = actor.onExpire(() => Effect.runFork(Scope.close(session, Exit.void)))
  yield* Scope.addFinalizer(session, Effect.sync(forget))
  return membership
})
