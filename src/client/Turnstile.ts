/**
 * How many guests come in at once: each hello, resume and enter is a handful of writes one after another, and those of
 * thousands begun together would all have their answers after the time for one is over. Whoever finds the turnstile taken
 * waits in line; the line is no longer than there are sockets. Owns nothing but the line.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"

/** Enough to keep the shared space busy, and far fewer than make it late. */
export const atOnceMax = 64

export class Turnstile extends Context.Service<
  Turnstile,
  { readonly pass: <A, E, R>(coming: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> }
>()("noriter/client/Turnstile") {
  static readonly layer = Layer.sync(Turnstile, () =>
    Turnstile.of({ pass: Semaphore.makeUnsafe(atOnceMax).withPermits(1) })
  )
}
