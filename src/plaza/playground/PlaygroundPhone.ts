/** A phone standing in a channel, as its view tells it and as its steps are measured: one for each join. */
import type { Pace } from "../../../gen/noriter/client/v1/playground.ts"
import type { Place } from "../../bus/Caller.ts"
import type { Outbox } from "../../client/Outbox.ts"
import type { Session } from "../../client/Session.ts"
import type { Phone } from "./Viewer.ts"
import { slackCmMax, type Walk } from "./Walk.ts"

export class PlaygroundPhone implements Phone, Walk {
  readonly member: number
  readonly session: string
  /** The playground's id, whose bounds its steps keep to. */
  readonly playground: string
  readonly outbox: Outbox
  readonly hidden: ReadonlySet<string> | undefined
  pace: Pace
  movedMs: number
  slackCm = slackCmMax

  constructor(place: Place, session: Session, outbox: Outbox, hidden: ReadonlySet<string> | undefined, nowMs: number) {
    this.member = place.member
    this.playground = place.playground
    this.session = session.session
    this.outbox = outbox
    this.hidden = hidden
    this.pace = session.pace
    this.movedMs = nowMs
  }
}

/** The phones that stand somewhere, by their sessions: a late goodbye of an older one must not remove a newer. */
const phones = new WeakMap<Session, PlaygroundPhone>()

export const phoneOf = (session: Session): PlaygroundPhone | undefined => phones.get(session)

/** Puts a session's phone at its place, with whom its guest blocks. Undefined: its socket is gone already. */
export const placePhone = (
  session: Session,
  place: Place,
  hidden: ReadonlySet<string> | undefined
): PlaygroundPhone | undefined => {
  const outbox = session.connection?.outbox
  if (outbox === undefined) return undefined
  const phone = new PlaygroundPhone(place, session, outbox, hidden, performance.now())
  phones.set(session, phone)
  return phone
}
