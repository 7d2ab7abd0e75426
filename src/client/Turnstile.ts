/**
 * How many guests come in at once: each hello, resume and enter is a handful of writes one after another, and those of
 * thousands begun together would all have their answers after the time for one is over. Whoever finds the turnstile taken
 * waits in line; the line is no longer than there are sockets. Whose socket has closed by their turn is not let in: nothing
 * is written for a phone that comes again anyway. Owns nothing but the line.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import type { Refused } from "../bus/Caller.ts"
import { away } from "../bus/Refusals.ts"
import type { Session } from "./Session.ts"

/** Enough to keep the shared space busy, and far fewer than make it late. */
export const atOnceMax = 64

export class Turnstile extends Context.Service<
  Turnstile,
  {
    readonly pass: (
      phone: Pick<Session, "connection">
    ) => <A, E, R>(coming: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Refused, R>
  }
>()("noriter/client/Turnstile") {
  static readonly layer = Layer.sync(Turnstile, () => {
    const line = Semaphore.makeUnsafe(atOnceMax).withPermits(1)
    return Turnstile.of({
      pass:
        (phone) =>
        <A, E, R>(coming: Effect.Effect<A, E, R>) =>
          line(
            Effect.suspend(
              (): Effect.Effect<A, E | Refused, R> => (phone.connection?.isOpen === true ? coming : Effect.fail(gone))
            )
          )
    })
  })
}

/** Nobody hears it. */
const gone = away("this phone is gone")
