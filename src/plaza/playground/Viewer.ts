/**
 * A phone of this runner standing in a channel, and how far it was told what is there. The rules are the audiences' and
 * the lines'.
 */
import { Pace } from "../../../gen/noriter/client/v1/playground.ts"
import type { Outbox } from "../../client/Outbox.ts"
import type { Hides } from "./Hides.ts"
import type { Cell, Member } from "./Member.ts"

/** What joins a view. */
export interface Phone {
  readonly member: number
  readonly session: string
  readonly outbox: Outbox
  readonly pace: Pace
  /** Guests that are hidden from it; undefined: nobody. */
  readonly hidden?: ReadonlySet<string> | undefined
}

export class Viewer {
  readonly phone: Phone
  /** The phone's, at hand: each tick asks for it. */
  readonly outbox: Outbox
  readonly member: Member
  pace: Pace
  /** What the phone has asked for; takes effect when all audiences have been told the same. */
  paceAsked: Pace
  /** The cell it stood in when it was last told who is in view; undefined: it was told nothing yet. */
  cell: Cell | undefined
  /** It was greeted, and is told the difference to that on its own the first time. */
  fresh = false
  /** It was not told of some move. */
  behind = false
  /** What it hides, and is therefore told on its own. Nearly all hide nobody. */
  hides: Hides | undefined

  constructor(phone: Phone, member: Member) {
    this.phone = phone
    this.outbox = phone.outbox
    this.member = member
    this.pace = known(phone.pace)
    this.paceAsked = this.pace
  }

  ask(pace: Pace): void {
    this.paceAsked = known(pace)
  }
}

const known = (pace: Pace): Pace => (pace === Pace.PACE_CALM || pace === Pace.PACE_LINES ? pace : Pace.PACE_FULL)
