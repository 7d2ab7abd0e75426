/** A phone standing in a channel, as its view tells it and as its steps are measured: one for each join. */
import { Pace } from "../../../gen/noriter/client/v1/playground.ts"
import type { Outbox } from "../../client/Outbox.ts"
import type { Session } from "../../client/Session.ts"
import type { Phone } from "./View.ts"
import { slackCmMax, type Walk } from "./Walk.ts"

export class PlaygroundPhone implements Phone, Walk {
  readonly member: number
  readonly session: string
  readonly outbox: Outbox
  pace: Pace
  movedMs: number
  slackCm = slackCmMax

  constructor(member: number, session: string, outbox: Outbox, nowMs: number) {
    this.member = member
    this.session = session
    this.outbox = outbox
    this.pace = Pace.PACE_FULL
    this.movedMs = nowMs
  }
}

/** The phones that stand somewhere, by their sessions: a late goodbye of an older one must not remove a newer. */
const phones = new WeakMap<Session, PlaygroundPhone>()

export const phoneOf = (session: Session): PlaygroundPhone | undefined => phones.get(session)

/** Puts a session's phone at a member's place. Undefined: its socket is gone already. */
export const placePhone = (session: Session, member: number): PlaygroundPhone | undefined => {
  const outbox = session.connection?.outbox
  if (outbox === undefined) return undefined
  const phone = new PlaygroundPhone(member, session.session, outbox, performance.now())
  phones.set(session, phone)
  return phone
}
