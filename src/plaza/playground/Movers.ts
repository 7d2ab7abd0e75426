/**
 * The own members of a runner that have moved: for the other runners' views each tick, and for the shared space each
 * second (rule P10). Where they stand is the roll's.
 */
import type { MovesTold } from "../../../gen/noriter/runner/v1/playground.ts"
import type { Member } from "./Member.ts"

/** Three lists of one length. */
export type Places = Pick<MovesTold, "member" | "xCm" | "yCm">

export class Movers {
  /** The next frame holds all own members, because another runner's view is new or missed one. */
  keyAsked = false
  /** The last frame's number. */
  frames: number
  private untold: Array<Member> = []
  private unwritten: Array<Member> = []

  /** `frames`: the number of the last frame that this runner sent before, of this channel or any. */
  constructor(frames = 0) {
    this.frames = frames
  }

  moved(member: Member): void {
    if (!member.untold) {
      member.untold = true
      this.untold.push(member)
    }
    if (!member.unwritten) {
      member.unwritten = true
      this.unwritten.push(member)
    }
  }

  /** The next frame; undefined: there is nothing to tell. */
  takeFrame(channel: string, incarnation: string, all: Iterable<Member>): MovesTold | undefined {
    const key = this.keyAsked
    const told = (key ? [...all] : this.untold).filter(isOwn)
    for (const member of this.untold) member.untold = false
    this.untold = []
    this.keyAsked = false
    if (told.length === 0 && !key) return undefined
    const number = ++this.frames
    return { $type: "noriter.runner.v1.MovesTold", channel, incarnation, number, key, ...placesOf(told) }
  }

  /** Those whose place has changed since the last time; or all, after a write that failed. */
  takePlaces(all: Iterable<Member> | undefined): Places {
    const taken = (all === undefined ? this.unwritten : [...all]).filter(isOwn)
    for (const member of this.unwritten) member.unwritten = false
    this.unwritten = []
    return placesOf(taken)
  }
}

const isOwn = (member: Member): boolean => member.own && member.recorded

const placesOf = (members: ReadonlyArray<Member>): Places => ({
  member: members.map(({ number }) => number),
  xCm: members.map(({ xCm }) => xCm),
  yCm: members.map(({ yCm }) => yCm)
})
