/** A reader that keeps what it is given, and takes its time over a line where a test wants it to. */
import * as Effect from "effect/Effect"
import type { Reader } from "../../src/client/Reading.ts"
import { type Line, tooLong } from "../../src/wire/Lines.ts"

export class Taker implements Reader {
  readonly taken: Array<string> = []
  ends = 0
  /** From here on each line waits for `goOn`. */
  slow = false
  /** It is done with the line it was given last. */
  goOn = (): void => {}

  take(line: Line): Effect.Effect<void> {
    this.taken.push(line === tooLong ? "TOO LONG" : line.toString().trimEnd())
    if (!this.slow) return Effect.void
    return Effect.callback<void>((resume) => {
      this.goOn = () => resume(Effect.void)
    })
  }

  end(): Effect.Effect<void> {
    this.ends++
    return Effect.void
  }
}
