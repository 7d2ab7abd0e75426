/**
 * What the plaza does when a phone comes back or goes: puts it back into its channel's view, and tells it what it missed
 * of its streams. Implements client/Attendance.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { StreamPosition } from "../../../gen/noriter/client/v1/session.ts"
import { Attendance, type Rejoined } from "../../client/Attendance.ts"
import { placeAt, type Session } from "../../client/Session.ts"
import type { HeldMember, Position } from "../../space/Held.ts"
import { Self } from "../../space/Self.ts"
import { SharedSpace, SpaceError } from "../../space/SharedSpace.ts"
import { Mailbox, mailboxName, positionOf as mailboxPosition, notFollowing } from "../mailbox/Mailbox.ts"
import { Hidden } from "../social/Hidden.ts"
import { Channels } from "./Channels.ts"
import { ticking } from "./Describe.ts"
import { leaveView, linesPosition, show } from "./Entrance.ts"
import { placePhone } from "./PlaygroundPhone.ts"
import { foundBelow } from "./Population.ts"

export const layer = Layer.effect(
  Attendance,
  Effect.suspend(() => make)
)

const make = Effect.gen(function* () {
  const channels = yield* Channels
  const mailbox = yield* Mailbox
  const hidden = yield* Hidden
  const space = yield* SharedSpace
  const self = yield* Self

  const positionOf = ({ held }: Session): Position | undefined =>
    held && channels.view(held.record.channel)?.positionOf(held.record.member)

  const missedMail = (session: Session, heard: ReadonlyArray<StreamPosition>) => {
    const position = positionIn(heard, mailboxName, session.epoch)
    return position === undefined
      ? Effect.map(mailbox.head(session.guest), (seq) => ({ recovered: false, from: seq, seq, mails: [] }))
      : mailbox.missed(session.guest, position.seq)
  }

  const resumed = Effect.fnUntraced(function* (
    session: Session,
    member: HeldMember | undefined,
    heard: ReadonlyArray<StreamPosition>
  ) {
    session.mailboxSeq = notFollowing
    // Outside, they are read on entering.
    const readHidden = member === undefined ? Effect.void : hidden.read(session)
    const [mail] = yield* Effect.all([missedMail(session, heard), readHidden], { concurrency: "unbounded" })
    const replayMail = () => mailbox.follow(session, mail.from, mail.mails)
    if (member === undefined) {
      const streams = [mailboxPosition(session, mail.recovered ? mail.seq : mail.from)]
      return () => ({ ...nowhere, recovered: mail.recovered, streams, replay: replayMail })
    }
    const view = yield* channels.open(member.tag)
    show(view, member)
    const lastHeard = () => positionIn(heard, view.tag, view.epoch)?.seq
    const ahead = lastHeard()
    // It has heard more than this runner yet, or of a history that was lost (rule L11).
    if (ahead !== undefined && ahead > view.head) yield* channels.catchUp(member.tag, ahead)
    return () => {
      const place = placeAt(member.tag, member.member)
      const phone = placePhone(session, place, hidden.of(session).hidden)
      // Asked again: the channel may have begun another history meanwhile, of which it has heard nothing.
      const after = lastHeard()
      const missed = phone === undefined || after === undefined ? undefined : view.missed(phone, after)
      const from = missed?.from ?? view.head
      const all = from === after && view.recovers(from) && mail.recovered
      // Told that something is missing, a phone goes on from where it is told: before what is replayed to it.
      const lines = { ...linesPosition(view), ...(all ? {} : { seq: from }) }
      const mails = mailboxPosition(session, all ? mail.seq : mail.from)
      const rejoined: Rejoined = {
        place,
        ...(view.positionOf(member.member) ?? { xCm: member.record.xCm, yCm: member.record.yCm }),
        recovered: all,
        streams: [lines, mails],
        replay: () => {
          replayMail()
          if (phone !== undefined) view.rejoin(phone, missed?.lines ?? [])
          // Enter may have told it when there was more to do, or another runner has.
          session.tell(ticking(channels.tickMs()))
        }
      }
      return rejoined
    }
  })

  return Attendance.of({
    resumed: (session, member, heard) =>
      resumed(session, member, heard).pipe(
        Effect.mapError((cause) =>
          cause instanceof SpaceError ? cause : new SpaceError({ operation: "resume", cause })
        )
      ),
    began: (session) => Effect.map(mailbox.head(session.guest), (seq) => mailbox.follow(session, seq, [])),
    detached: (session) => {
      session.mailboxSeq = notFollowing
      leaveView(channels, session)
    },
    replaced: ({ held }) => {
      if (held !== undefined) channels.view(held.record.channel)?.givenAway(held.record.member)
    },
    positionOf,
    regained: (sessions) =>
      Effect.suspend(() => {
        hidden.doubt(sessions)
        const standing = [...sessions].flatMap(({ channel }) => (channel === "" ? [] : [channel]))
        return Effect.andThen(channels.reload, mailbox.compareHistories(sessions)).pipe(
          // Last: who stands there is to be put back before anybody else founds it.
          Effect.andThen(foundBelow(space, self, standing))
        )
      })
  })
})

const nowhere = { place: undefined, xCm: 0, yCm: 0 }

const positionIn = (heard: ReadonlyArray<StreamPosition>, name: string, epoch: string): StreamPosition | undefined =>
  heard.find((position) => position.name === name && position.epoch === epoch)
