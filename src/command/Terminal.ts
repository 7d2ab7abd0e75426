/**
 * The terminal itself: raw keys in, whole screens out, and everything as it was when it is over. Owns the escapes and
 * the restoring, which happens with the scope, at exit, and so after a crash and after SIGTERM, too.
 */
import { writeSync } from "node:fs"
import { StringDecoder } from "node:string_decoder"
import * as Effect from "effect/Effect"
import { type KeyPress, keys } from "./Keys.ts"
import type { Size } from "./Screen.ts"

export interface Terminal {
  readonly size: () => Size
  /** Writes the rows that changed since the last time; the cursor is shown in a column of the last row, or hidden. */
  readonly show: (rows: ReadonlyArray<string>, cursorColumn: number | undefined) => void
}

export interface Watcher {
  readonly pressed: (key: KeyPress) => void
  readonly resized: () => void
}

/** Whether there is a terminal to draw on; otherwise lines go in and out. */
export const isTerminal = (): boolean =>
  process.stdin.isTTY === true && process.stdout.isTTY === true && process.env.TERM !== "dumb"

export const hasColour = (): boolean => isTerminal() && (process.env.NO_COLOR ?? "") === ""

/** Takes the terminal until the scope closes. */
export const open = (watcher: Watcher) =>
  Effect.acquireRelease(
    Effect.sync(() => take(watcher)),
    ({ restore }) => Effect.sync(restore)
  ).pipe(Effect.map(({ terminal }) => terminal))

// --- internal ---

// Another screen, so that what was there comes back; no wrapping, so that a full last row does not scroll.
const enter = "\x1b[?1049h\x1b[?7l\x1b[?25l"
const leave = "\x1b[?25h\x1b[?7h\x1b[?1049l"

function take(watcher: Watcher) {
  const { stdin, stdout } = process
  const decoder = new StringDecoder("utf8")
  let shown: Array<string> = []

  const read = (chunk: Buffer): void => keys(decoder.write(chunk)).forEach(watcher.pressed)
  const resize = (): void => {
    shown = []
    stdout.write("\x1b[2J")
    watcher.resized()
  }
  let taken = true
  const restore = (): void => {
    if (!taken) return
    taken = false
    process.off("exit", restore)
    stdin.off("data", read)
    stdout.off("resize", resize)
    stdin.setRawMode(false)
    stdin.pause()
    // Written at once: at exit there is no later. A terminal that is gone cannot be restored.
    try {
      writeSync(stdout.fd, leave)
    } catch {}
  }

  process.on("exit", restore)
  stdin.setRawMode(true)
  stdin.on("data", read)
  stdout.on("resize", resize)
  stdout.write(enter)
  const terminal: Terminal = {
    size: () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    show: (rows, cursorColumn) => {
      const changed = rows.map((row, i) => (row === shown[i] ? "" : `\x1b[${i + 1};1H${row}`)).join("")
      shown = [...rows]
      const cursor = cursorColumn === undefined ? "\x1b[?25l" : `\x1b[${rows.length};${cursorColumn}H\x1b[?25h`
      stdout.write(`${changed}${cursor}`)
    }
  }
  return { terminal, restore }
}
