/**
 * Bytes between runners, by pub/sub channel. At most once: a frame may be lost, and nobody is told. Whoever minds asks
 * the shared space (rule C3). Owns neither what the bytes mean (wire/Frame, the bus) nor what is kept (SharedSpace).
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** The link could not take the bytes, or not subscribe. Nothing is known of who heard. */
export class LinkError extends Data.TaggedError("LinkError")<{
  readonly operation: "publish" | "subscribe" | "connect"
  readonly cause: unknown
}> {
  override get message(): string {
    return `the link between runners (${this.operation}): ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

export class RunnerLink extends Context.Service<
  RunnerLink,
  {
    /** Sends to whoever is subscribed now, this process too. The bytes are not kept by the caller afterwards. */
    readonly publish: (channel: string, bytes: Uint8Array) => Effect.Effect<void, LinkError>
    /** Receives from when the effect has ended until the scope closes. `receive` must not throw. */
    readonly subscribe: (
      channel: string,
      receive: (bytes: Uint8Array) => void
    ) => Effect.Effect<void, LinkError, Scope.Scope>
    /** Calls `resync` after each reconnect: frames may have been lost meanwhile. */
    readonly onReady: (resync: () => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("noriter/link/RunnerLink") {}
