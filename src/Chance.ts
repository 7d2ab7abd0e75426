/**
 * Chance for names that nobody else has, drawn ahead: sixteen bytes at a time, the system's takes longer than all else that
 * is done with them. Owns what was drawn, of which nothing is given twice.
 */

/** So much is drawn at once, and more cannot be had at once: 256 names. */
export const drawnBytes = 4096

const drawn = Buffer.allocUnsafeSlow(drawnBytes)
let used = drawnBytes

/** So many bytes. To be copied at once: the memory is drawn into again. */
export const chance = (bytes: number): Buffer => {
  if (bytes > drawnBytes) throw new RangeError(`no more than ${drawnBytes} bytes of chance at once, not ${bytes}`)
  if (used + bytes > drawnBytes) {
    crypto.getRandomValues(drawn)
    used = 0
  }
  used += bytes
  return drawn.subarray(used - bytes, used)
}

/** A name that nobody else has: 128 bits, in 22 letters of base64url. */
export const uniqueName = (): string => chance(16).toString("base64url")

/** What was drawn is not given any more: a simulation has a chance of its own. */
export const drawAnew = (): void => {
  used = drawnBytes
}
