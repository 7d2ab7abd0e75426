/**
 * How far a guest may walk (design 8): the walking speed times the time since the last accepted move, and one metre of
 * slack, which is not given anew with every move. Pure.
 */

/** What is kept of one phone's walking. */
export interface Walk {
  /** When the last move was accepted, monotonic. */
  movedMs: number
  /** What is left of the slack. */
  slackCm: number
}

/** Forgives the phone's and the network's jitter. */
export const slackCmMax = 100

/** Takes a step of this length if it is within the speed (cm/s; 0 is off); false: it is not, and nothing changed. */
export const step = (walk: Walk, distanceCm: number, nowMs: number, speedCmpsMax: number): boolean => {
  if (speedCmpsMax === 0) return true
  const allowedCm = walk.slackCm + (speedCmpsMax * (nowMs - walk.movedMs)) / 1000
  if (distanceCm > allowedCm) return false
  walk.movedMs = nowMs
  walk.slackCm = Math.min(slackCmMax, allowedCm - distanceCm)
  return true
}
