/** Bytes of a terminal into keys. Pure; what a key does is Join.ts's. */

export type KeyPress =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "up" | "down" | "left" | "right" | "enter" | "escape" | "backspace" | "quit" }

/**
 * The keys in a chunk of decoded input. Text that came in one piece (a paste, a syllable an input method put together)
 * stays in one piece. An escape at the very end is the key itself: terminals send sequences whole.
 */
export const keys = (chunk: string): ReadonlyArray<KeyPress> => {
  const pressed: Array<KeyPress> = []
  for (const [token] of chunk.matchAll(tokens)) {
    const named = names[token]
    if (named !== undefined) pressed.push({ kind: named })
    else if (!/^\p{Cc}/u.test(token)) pressed.push({ kind: "text", text: token })
  }
  return pressed
}

// A sequence, a control character, or a run of text.
const tokens = new RegExp(`${"\\u001b"}[\\[O][0-9;]*[A-Za-z~]|\\r\\n|\\p{Cc}|\\P{Cc}+`, "gu")

const names: Record<string, Exclude<KeyPress["kind"], "text">> = {
  "\u001b[A": "up",
  "\u001b[B": "down",
  "\u001b[C": "right",
  "\u001b[D": "left",
  "\u001bOA": "up",
  "\u001bOB": "down",
  "\u001bOC": "right",
  "\u001bOD": "left",
  "\r": "enter",
  "\n": "enter",
  "\r\n": "enter",
  "\u001b": "escape",
  "\u007f": "backspace",
  "\b": "backspace",
  "\u0003": "quit",
  "\u0004": "quit"
}
