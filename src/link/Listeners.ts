/**
 * Callbacks that others have left with a service: kept until their scope closes, called in the order they came, and one
 * that throws hurts nobody else. Owns neither when they are called nor what they do.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

interface Listener<A> {
  readonly call: (value: A) => void
  readonly report: (cause: unknown) => void
}

export class Listeners<A> {
  // An array made anew at each change: whoever is calling goes on with the listeners there were.
  private all: ReadonlyArray<Listener<A>> = []

  get size(): number {
    return this.all.length
  }

  /** Listens until the scope closes. What the callback throws is logged where it was left. */
  add(call: (value: A) => void): Effect.Effect<void, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.map(Effect.context<never>(), (context) => this.addUnsafe(call, context)),
      (remove) => Effect.sync(remove)
    ).pipe(Effect.asVoid)
  }

  /** Listens until the function it answers is called; `context` says where what it throws is logged. */
  addUnsafe(call: (value: A) => void, context: Context.Context<never>): () => void {
    const log = Effect.runForkWith(context)
    const report = (cause: unknown) => void log(Effect.logError("a listener threw", cause))
    const listener: Listener<A> = { call, report }
    this.all = [...this.all, listener]
    return () => {
      this.all = this.all.filter((other) => other !== listener)
    }
  }

  call(value: A): void {
    for (const listener of this.all) {
      try {
        listener.call(value)
      } catch (cause) {
        listener.report(cause)
      }
    }
  }
}
