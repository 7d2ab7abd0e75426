/**
 * Chance for names that nobody else has, drawn ahead: asked for sixteen bytes at a time, the system's takes longer than all
 * else that is done with them. Owns what was drawn, of which nothing is given twice.
 */
import { randomFillSync } from "node:crypto"

/** Enough for 256 names. */
const drawnBytes = 4096

const drawn = Buffer.allocUnsafeSlow(drawnBytes)
let used = drawnBytes

/** So many bytes, at most all that are drawn at once: good until more is asked for. */
export const chance = (bytes: number): Buffer => {
  const at = take(bytes)
  return drawn.subarray(at, at + bytes)
}

/** A name that nobody else has: 128 bits, in 22 letters of base64url. */
export const uniqueName = (): string => {
  const at = take(16)
  return drawn.toString("base64url", at, at + 16)
}

const take = (bytes: number): number => {
  if (used + bytes > drawnBytes) {
    randomFillSync(drawn)
    used = 0
  }
  const at = used
  used += bytes
  return at
}
