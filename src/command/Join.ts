/**
 * `noriter join`: a terminal as a phone. On a terminal a screen with a map and the chat; where input or output is piped,
 * lines in and lines out. Owns the loop that ties keys, guest and screen together.
 */
import { createInterface } from "node:readline"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { Guest, type GuestOptions } from "./Guest.ts"
import type { KeyPress } from "./Keys.ts"
import { nickname } from "./Phrases.ts"
import { colourful, cursorColumn, plain, render } from "./Screen.ts"
import { hasColour, isTerminal, open } from "./Terminal.ts"
import type { Line } from "./Visit.ts"
import { withoutLast } from "./Width.ts"

export interface JoinOptions {
  readonly host: string
  readonly port: number
  /** Empty: the first there is. */
  readonly playground: string
  /** Empty: one is made up. */
  readonly nick: string
}

/** Until the guest leaves, the server says not to come back, or the process is told to end. */
export const join = Effect.fnUntraced(function* (options: JoinOptions) {
  const name = options.nick === "" ? nickname("ko", Math.random) : options.nick
  const why = yield* isTerminal() ? onScreen({ ...options, nick: name }) : inLines({ ...options, nick: name })
  if (why !== "closed") return yield* new SentAway({ message: why })
})

/** It did not end by one's own will: the server said not to come back, or was never there. */
class SentAway extends Data.TaggedError("SentAway")<{ readonly message: string }> {}

// --- internal ---

type Seen = Pick<GuestOptions, "changed" | "waiting">

const guestFor = (options: JoinOptions, seen: Seen, over: Deferred.Deferred<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const ended = (why: string) => void Deferred.doneUnsafe(over, Effect.succeed(why))
      const guest = new Guest({ ...options, ...seen, nickname: options.nick, ended })
      const timer = setInterval(() => guest.tick(), tickMs)
      return { guest, timer }
    }),
    ({ guest, timer }) =>
      Effect.sync(() => {
        clearInterval(timer)
        guest.leave()
      })
  ).pipe(Effect.map(({ guest }) => guest))

const onScreen = Effect.fnUntraced(function* (options: JoinOptions) {
  const over = yield* Deferred.make<string>()
  let isStale = true
  const stale = () => {
    isStale = true
  }
  const guest = yield* guestFor(options, { changed: stale }, over)
  const terminal = yield* open({ pressed: (key) => press(guest, key, stale), resized: stale })
  const paint = hasColour() ? colourful : plain
  // Drawn at most twenty times a second, however much is heard.
  const draw = () => {
    if (!isStale) return
    isStale = false
    const size = terminal.size()
    const { visit } = guest
    terminal.show(render(visit, size, paint), visit.typing ? cursorColumn(visit, size.columns) : undefined)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => setInterval(draw, drawMs)),
    (timer) => Effect.sync(() => clearInterval(timer))
  )
  guest.begin()
  return yield* Deferred.await(over)
}, Effect.scoped)

function press(guest: Guest, key: KeyPress, stale: () => void): void {
  const { visit } = guest
  const now = performance.now()
  stale()
  if (key.kind === "quit") guest.leave()
  else if (key.kind === "text") {
    if (visit.typing) visit.input = (visit.input + key.text).slice(0, inputMax)
    else for (const letter of key.text) walkOrType(guest, letter, now)
  } else if (key.kind in directions) stepTo(guest, key.kind, now)
  else if (key.kind === "backspace") visit.input = withoutLast(visit.input)
  else if (key.kind === "escape") stopTyping(guest)
  else if (key.kind === "enter") {
    if (!visit.typing) visit.typing = true
    else {
      const typed = visit.input
      stopTyping(guest)
      guest.enter(typed)
    }
  }
}

function walkOrType(guest: Guest, letter: string, now: number): void {
  const { visit } = guest
  const direction = letters[letter.toLowerCase()]
  if (visit.typing) visit.input += letter
  else if (direction !== undefined) stepTo(guest, direction, now)
  else if (letter === "q") guest.leave()
  else if (letter === "/") {
    visit.typing = true
    visit.input = "/"
  }
}

function stopTyping({ visit }: Guest): void {
  visit.typing = false
  visit.input = ""
}

function stepTo(guest: Guest, direction: string, now: number): void {
  const [dx, dy] = directions[direction] ?? [0, 0]
  guest.step(dx, dy, now)
}

/** What is heard goes to stdout, a line each; what is on stdin is said. Where either ends the guest leaves. */
const inLines = Effect.fnUntraced(function* (options: JoinOptions) {
  const over = yield* Deferred.make<string>()
  const print = (line: Line | undefined) => {
    if (line !== undefined) process.stdout.write(`${line.text}\n`)
  }
  // Nobody watches: a server that is not there is said and ends it, one that goes away later is waited for.
  let wasInside = false
  const waiting = (why: string) => {
    if (wasInside) process.stderr.write(`noriter: ${why}; trying again\n`)
    else Deferred.doneUnsafe(over, Effect.succeed(why))
  }
  const changed = (line: Line | undefined) => {
    wasInside ||= guest.visit.isInside
    print(line)
  }
  const guest: Guest = yield* guestFor(options, { changed, waiting }, over)
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const lines = createInterface({ input: process.stdin })
      lines.on("line", (line) => guest.enter(line))
      lines.on("close", () => guest.finish())
      process.stdout.once("error", () => guest.leave())
      return lines
    }),
    (lines) => Effect.sync(() => lines.removeAllListeners().close())
  )
  guest.begin()
  return yield* Deferred.await(over)
}, Effect.scoped)

const tickMs = 100
const drawMs = 50
const inputMax = 400
const directions: Record<string, readonly [number, number]> = {
  up: [0, -1],
  down: [0, 1],
  left: [-1, 0],
  right: [1, 0]
}
const letters: Record<string, string> = { w: "up", a: "left", s: "down", d: "right" }
