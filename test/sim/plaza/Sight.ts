/**
 * What a phone has been told of those around it: who is in view and where they stand, how many more stand in full cells, and
 * where it stands itself. Owns what the lines promise of one another; whether it is so is the verdict's.
 */
import { type Fields, isObject } from "../../../src/wire/Strict.ts"

export interface Point {
  readonly xCm: number
  readonly yCm: number
}

export class Sight {
  readonly wrongs: Array<string> = []
  /** Members in view. */
  readonly members = new Map<number, Point>()
  /** By cell: how many more stand there. */
  readonly crowds = new Map<number, number>()
  /** Where it stands. */
  at: Point | undefined

  /** It stands somewhere, and was told of nobody yet; undefined: nowhere. */
  begin(at: Point | undefined): void {
    this.members.clear()
    this.crowds.clear()
    this.at = at
  }

  appeared({ members }: Fields): void {
    for (const one of list(members).filter(isObject)) {
      const member = number(one.member)
      if (this.members.has(member)) this.wrongs.push(`saw ${member} appear twice`)
      this.members.set(member, pointOf(one))
    }
  }

  disappeared({ member }: Fields): void {
    for (const one of list(member)) {
      if (!this.members.delete(number(one))) this.wrongs.push(`saw ${one} disappear, who was not there`)
    }
  }

  /** `own`: its own number. */
  moved({ member, xCm, yCm }: Fields, own: number): void {
    list(member).forEach((one, index) => {
      const point = pointOf({ xCm: list(xCm)[index], yCm: list(yCm)[index] })
      if (one === own) this.at = point
      else if (this.members.has(number(one))) this.members.set(number(one), point)
      else this.wrongs.push(`saw ${one} move, who was not there`)
    })
  }

  crowded({ cell, count }: Fields): void {
    this.crowds.set(number(cell), number(count))
  }
}

/** Official encoders leave zeros out. */
export const pointOf = ({ xCm, yCm }: Fields): Point => ({ xCm: number(xCm), yCm: number(yCm) })

const number = (value: unknown): number => (typeof value === "number" ? value : 0)
const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
