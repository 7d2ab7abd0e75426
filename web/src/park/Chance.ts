/**
 * Chance that is the same for everybody: numbers made of a place and a seed, so that every phone draws the same park
 * without being told where its trees stand. Owns nothing.
 */

/** 0 to 1, always the same for the same three numbers. */
export function chanceAt(x: number, y: number, seed: number): number {
  let mixed = Math.imul(x | 0, 0x27d4eb2f) ^ Math.imul(y | 0, 0x165667b1) ^ Math.imul(seed | 0, 0x9e3779b1)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_296
}

/** A sequence of numbers from 0 to 1, the same for the same seed. */
export function chances(seed: number): () => number {
  let at = 0
  return () => chanceAt(at++, seed, 77)
}

/** Smooth hills between 0 and 1, each about `sizeCm` wide. */
export function hills(xCm: number, yCm: number, sizeCm: number, seed: number): number {
  const x = xCm / sizeCm
  const y = yCm / sizeCm
  const column = Math.floor(x)
  const row = Math.floor(y)
  const across = ease(x - column)
  const down = ease(y - row)
  const above = mix(chanceAt(column, row, seed), chanceAt(column + 1, row, seed), across)
  const below = mix(chanceAt(column, row + 1, seed), chanceAt(column + 1, row + 1, seed), across)
  return mix(above, below, down)
}

/** A seed out of a name. */
export function seedOf(name: string): number {
  let seed = 0x811c9dc5
  for (const character of name) seed = Math.imul(seed ^ (character.codePointAt(0) ?? 0), 0x01000193)
  return seed >>> 0
}

// --- internal ---

const mix = (from: number, to: number, part: number): number => from + (to - from) * part
const ease = (part: number): number => part * part * (3 - 2 * part)
