/** Which of many boxes may be seen so that none covers another: the highest ranks first. Owns nothing. */

export interface Box {
  readonly sprite: { visible: boolean }
  readonly rank: number
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Nobody reads more names than these at once. */
const shownMax = 70
const gapPx = 2

export class Readable {
  choose(boxes: ReadonlyArray<Box>, widthPx: number, heightPx: number): void {
    const shown: Array<Box> = []
    for (const box of [...boxes].sort((one, other) => other.rank - one.rank)) {
      const isOn = box.x + box.width > 0 && box.x < widthPx && box.y + box.height > 0 && box.y < heightPx
      const isFree = isOn && shown.length < shownMax && !shown.some((other) => overlap(box, other))
      box.sprite.visible = isFree
      if (isFree) shown.push(box)
    }
  }
}

// --- internal ---

const overlap = (one: Box, other: Box): boolean =>
  one.x < other.x + other.width + gapPx &&
  other.x < one.x + one.width + gapPx &&
  one.y < other.y + other.height + gapPx &&
  other.y < one.y + one.height + gapPx
