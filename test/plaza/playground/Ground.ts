/** The playground of scripts: five cells wide and high, and the places that their numbers name. */
import type { Place } from "./Listener.ts"

export const sizeCm = 5_000
export const cellCm = 1_000
const columns = sizeCm / cellCm

export const bounded = (value: number): number => Math.max(0, Math.min(sizeCm - 1, value))

/** Half of the places are close together, so that cells are crowded. */
export const at = (a: number, b: number): Place => {
  const range = a % 2 === 0 ? sizeCm : 1_500
  return { xCm: (a * 7) % range, yCm: (b * 7) % range }
}

export const cellOf = ({ xCm, yCm }: Place): number => Math.floor(yCm / cellCm) * columns + Math.floor(xCm / cellCm)

export const isNear = (one: number, other: number): boolean =>
  Math.abs((one % columns) - (other % columns)) <= 1 &&
  Math.abs(Math.floor(one / columns) - Math.floor(other / columns)) <= 1
