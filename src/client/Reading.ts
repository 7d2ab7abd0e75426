/**
 * What comes on a connection, handed to whoever takes it: one line after another, each done with before the next, and
 * the end after all of them. Owns that order, and the fiber of what cannot be done at once; most lines need none. Where
 * lines come from is the connection's, what they ask for their reader's.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Line } from "../wire/Lines.ts"

/** Stands where nothing more will come. */
export const closed: unique symbol = Symbol("noriter/connection closed")

export type Arrival = Line | typeof closed

/** Whoever takes what comes on a connection. */
export interface Reader {
  /** What a line asks for. `Effect.void`: it is done already. The lines after it wait for whatever else is returned. */
  readonly take: (line: Line) => Effect.Effect<void>
  /** What is to be done when nothing more will come. */
  readonly end: () => Effect.Effect<void>
}

/** Where what comes is taken from. */
export interface Source {
  /** The next line or the end; undefined: nothing has come. */
  readonly arrival: () => Arrival | undefined
  /** Its reader is broken. */
  readonly fail: () => void
  /** The end was taken, and all is done. */
  readonly done: () => void
}

/** Runs an effect as far as it goes without waiting. */
export type Run = (effect: Effect.Effect<void>) => Fiber.Fiber<void>

/** A phone that sends more than this in one go has the others handled before the rest. */
export const linesAtOnce = 64

export class Reading {
  private readonly source: Source
  private readonly reader: Reader
  private readonly run: Run
  private fiber: Fiber.Fiber<void> | undefined
  /** A line is not done with, or nothing more will come. */
  private busy = false

  constructor(source: Source, reader: Reader, run: Run) {
    this.source = source
    this.reader = reader
    this.run = run
  }

  /** Takes what has come. To be called whenever something may have. */
  advance(): void {
    if (this.busy) return
    this.busy = true
    for (let left = linesAtOnce; left > 0; left--) {
      const arrival = this.source.arrival()
      if (arrival === undefined) {
        this.busy = false
        return
      }
      if (!this.isDone(arrival)) return
      if (arrival === closed) {
        this.source.done()
        return
      }
    }
    setImmediate(() => this.goOn())
  }

  /** What is still under way sees that nobody waits for it. */
  interrupt(): void {
    this.fiber?.interruptUnsafe()
  }

  private goOn(): void {
    this.busy = false
    this.advance()
  }

  /** Whether nothing is left to be done; otherwise it goes on by itself when that is so. */
  private isDone(arrival: Arrival): boolean {
    const asked = this.askedBy(arrival)
    if (asked === Effect.void) return true
    const fiber = this.run(asked)
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) {
      this.look(exit)
      return true
    }
    this.fiber = fiber
    fiber.addObserver((exit) => {
      this.fiber = undefined
      this.look(exit)
      if (arrival === closed) this.source.done()
      else this.goOn()
    })
    return false
  }

  private askedBy(arrival: Arrival): Effect.Effect<void> {
    try {
      return arrival === closed ? this.reader.end() : this.reader.take(arrival)
    } catch (cause) {
      return Effect.die(cause)
    }
  }

  /** A reader that fails closes its own socket and nobody else's. */
  private look(exit: Exit.Exit<void>): void {
    if (Exit.isSuccess(exit)) return
    if (!Cause.hasInterruptsOnly(exit.cause)) this.run(Effect.logError("a session failed", exit.cause))
    this.source.fail()
  }
}
