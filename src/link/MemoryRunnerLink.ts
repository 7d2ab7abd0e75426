/**
 * RunnerLink within one process: the embedded default, and what several runners of a simulation share. The hub is the
 * shared part; a layer is one runner's connection to it. Owns the order of frames, and nothing of what they mean.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Listeners } from "./Listeners.ts"
import { RunnerLink } from "./RunnerLink.ts"

/** What Redis' pub/sub is to real runners. */
export class Hub {
  private readonly channels = new Map<string, Listeners<Uint8Array>>()
  private readonly ready = new Listeners<void>()
  private readonly waiting: Array<{ readonly channel: string; readonly bytes: Uint8Array }> = []
  private delivering = false

  /**
   * Hands a copy to all who listen, before it returns; only what a listener publishes in turn waits until everybody has
   * heard the frame that caused it, so that all hear the frames of a channel in the same order.
   */
  publish(channel: string, bytes: Uint8Array): void {
    if (!this.channels.has(channel)) return
    this.waiting.push({ channel, bytes: new Uint8Array(bytes) })
    if (this.delivering) return
    this.delivering = true
    for (let frame = this.waiting.shift(); frame !== undefined; frame = this.waiting.shift()) {
      this.channels.get(frame.channel)?.call(frame.bytes)
    }
    this.delivering = false
  }

  subscribe(channel: string, receive: (bytes: Uint8Array) => void): Effect.Effect<void, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.map(Effect.context<never>(), (context) => {
        const listeners = this.channels.get(channel) ?? new Listeners<Uint8Array>()
        this.channels.set(channel, listeners)
        const remove = listeners.addUnsafe(receive, context)
        return () => {
          remove()
          if (listeners.size === 0) this.channels.delete(channel) // nothing is kept of a channel that nobody hears
        }
      }),
      (leave) => Effect.sync(leave)
    ).pipe(Effect.asVoid)
  }

  onReady(resync: () => void) {
    return this.ready.add(resync)
  }

  /** What a lost and regained connection is to a runner: it is told to ask what it has missed. */
  reconnect(): void {
    this.ready.call()
  }

  /** How many channels are heard by somebody. */
  get channelsHeard(): number {
    return this.channels.size
  }
}

/** The hub of this process: RunnerLink and SharedSpace of an embedded server speak through the same one. */
export class SharedHub extends Context.Service<SharedHub, Hub>()("noriter/link/MemoryRunnerLink/SharedHub") {
  static readonly layer = Layer.sync(SharedHub, () => new Hub())
}

/** One runner's connection to a hub that others may share. */
export const layerOf = (hub: Hub): Layer.Layer<RunnerLink> => Layer.succeed(RunnerLink, make(hub))

/** One process, one hub: the same as MemorySharedSpace.layer's where both are built together. */
export const layer: Layer.Layer<RunnerLink> = Layer.effect(RunnerLink, Effect.map(SharedHub, make)).pipe(
  Layer.provide(SharedHub.layer)
)

function make(hub: Hub): RunnerLink["Service"] {
  return RunnerLink.of({
    publish: (channel, bytes) => Effect.sync(() => hub.publish(channel, bytes)),
    subscribe: (channel, receive) => hub.subscribe(channel, receive),
    onReady: (resync) => hub.onReady(resync)
  })
}
