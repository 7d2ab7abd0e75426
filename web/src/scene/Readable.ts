/** Which of many boxes may be seen so that none covers another: the highest ranks first. Owns no box. */

export interface Box {
  isShown: boolean
  rank: number
  x: number
  y: number
  width: number
  height: number
}

/** Nobody reads more names than these at once. */
const shownMax = 40
const gapPx = 2

export class Readable {
  /** Kept from time to time, so that choosing leaves no garbage. */
  private readonly shown: Array<Box> = []

  /** Sorts the boxes by rank, and says of each whether it is shown. */
  choose(boxes: Array<Box>, widthPx: number, heightPx: number): void {
    const { shown } = this
    shown.length = 0
    for (const box of boxes.sort(byRank)) {
      const isOn = box.x + box.width > 0 && box.x < widthPx && box.y + box.height > 0 && box.y < heightPx
      box.isShown = isOn && shown.length < shownMax && !isCovered(box, shown)
      if (box.isShown) shown.push(box)
    }
  }
}

// --- internal ---

const byRank = (one: Box, other: Box): number => other.rank - one.rank

function isCovered(box: Box, shown: ReadonlyArray<Box>): boolean {
  for (const other of shown) if (overlap(box, other)) return true
  return false
}

const overlap = (one: Box, other: Box): boolean =>
  one.x < other.x + other.width + gapPx &&
  other.x < one.x + one.width + gapPx &&
  one.y < other.y + other.height + gapPx &&
  other.y < one.y + one.height + gapPx
