/**
 * Brings a guest's mailbox to the phone: in order, each entry once, what was missed fetched (rule C3). The mailbox itself
 * is a stream of the guest's tag (MailStream); how far this phone is, the session knows; how an entry reads is its domain's.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MailboxConsumer } from "../../../gen/consumers.ts"
import type { StreamPosition } from "../../../gen/noriter/client/v1/session.ts"
import { MailTold } from "../../../gen/noriter/runner/v1/mailbox.ts"
import type { ServerBody } from "../../../gen/registry.ts"
import type { Caller } from "../../bus/Caller.ts"
import { EventBus } from "../../bus/EventBus.ts"
import type { Session } from "../../client/Session.ts"
import { Sessions } from "../../client/Sessions.ts"
import { isSameGeneration } from "../../link/Roster.ts"
import { RunnerLink } from "../../link/RunnerLink.ts"
import { Presence } from "../../space/Presence.ts"
import { connectionCounter } from "../../space/PresenceWrites.ts"
import { Self } from "../../space/Self.ts"
import { SharedSpace, type SpaceError } from "../../space/SharedSpace.ts"
import { enduring, Workers } from "../../Workers.ts"
import { whispered } from "../chat/WhisperMail.ts"
import { blocksStream } from "../social/Blocks.ts"
import { given } from "../social/GiftMail.ts"
import { Hidden } from "../social/Hidden.ts"
import { mailboxMax, mailboxStream } from "./MailStream.ts"

/** What a phone that comes back has missed. */
export interface Missed {
  readonly recovered: boolean
  /** The phone goes on after this entry: what it has heard, or as far back as the mailbox goes. */
  readonly from: number
  /** Where the mailbox stands with what is missed. */
  readonly seq: number
  readonly mails: ReadonlyArray<MailTold>
}

export class Mailbox extends Context.Service<
  Mailbox,
  {
    /** The last entry of a guest's mailbox. */
    readonly head: (guest: string) => Effect.Effect<number, SpaceError>
    /** What came after the last entry that the phone heard. */
    readonly missed: (guest: string, after: number) => Effect.Effect<Missed, SpaceError>
    /** Tells what is missing between the phone and the mailbox; what comes meanwhile is told once, too. */
    readonly fill: (caller: Caller) => Effect.Effect<void>
    /** Tells phones that follow of another history, where the shared space has begun another (rule L12). */
    readonly compareHistories: (callers: Iterable<Caller>) => Effect.Effect<void, SpaceError>
    /** Tells the phone these, and then whatever comes. */
    readonly follow: (caller: Caller, after: number, mails: ReadonlyArray<MailTold>) => void
  }
>()("noriter/plaza/mailbox/Mailbox") {
  static readonly layer = Layer.effect(
    Mailbox,
    Effect.suspend(() => make)
  )
}

/** A session that is not told of mail yet: its answer to hello or resume comes first. */
export const notFollowing = -1

/** How often every mailbox is compared with what its phone was told, besides each new entry (rule C3). */
const compareEvery = "30 seconds"
/** Mailboxes read in one go. */
const compareAtOnce = 1_000

const make = Effect.gen(function* () {
  const space = yield* SharedSpace
  const self = yield* Self
  const fork = Effect.runForkWith(yield* Effect.context<never>())

  const missed = Effect.fnUntraced(function* (guest: string, after: number) {
    const { head, entries } = yield* space.history(guest, mailboxStream, after, mailboxMax)
    const mails = entries.map(({ value }) => MailTold.decode(value))
    // A phone that has heard more than there is has heard another history: one that was lost (rule L11).
    const from = Math.min(head.seq, Math.max(after, head.trimmedTo))
    return { recovered: from === after, from, seq: head.seq, mails }
  })

  const fill = (caller: Caller): Effect.Effect<void> => {
    const after = caller.mailboxSeq
    return missed(caller.guest, after).pipe(
      Effect.map(({ from, mails }) => {
        const { mailboxSeq } = caller
        if (mailboxSeq === notFollowing) return
        // Whoever was told more meanwhile has that, and is not told it again.
        if (from > mailboxSeq || (from < after && mailboxSeq === after)) goOn(caller, from)
        tellAll(caller, mails)
      }),
      Effect.catchCause((cause) => Effect.logWarning("a mailbox could not be read", cause))
    )
  }

  const head = (guest: string) =>
    Effect.map(space.heads([guest]), (heads) => heads.get(guest)?.heads.get(mailboxStream)?.seq ?? 0)

  let told = self.generation
  const compareHistories = Effect.fnUntraced(function* (callers: Iterable<Caller>) {
    const { generation } = self
    if (isSameGeneration(told, generation)) return
    for (const caller of callers) {
      const before = caller.mailboxSeq
      const seq = yield* head(caller.guest)
      // What was told meanwhile is of this history.
      if (caller.mailboxSeq !== notFollowing) goOn(caller, caller.mailboxSeq === before ? seq : caller.mailboxSeq)
    }
    told = generation
  })

  return Mailbox.of({
    head,
    missed,
    fill,
    compareHistories,
    follow: (caller, after, mails) => {
      caller.mailboxSeq = after
      tellAll(caller, mails)
      // What was told between the reading and now found nobody following.
      if (!caller.mailWaits) return
      caller.mailWaits = false
      fork(fill(caller))
    }
  })
})

/**
 * Brings each new entry to the phone that follows, and compares all of them at times. The same reading says whether another
 * has claimed a session and this runner did not hear of it: that is judged, too (rule P1); and whether the word was lost of
 * whom its guest blocks, which whoever had asked for it need not be here to learn from an answer.
 */
export const deliveryLayer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    const space = yield* SharedSpace
    const sessions = yield* Sessions
    const mailbox = yield* Mailbox
    const hidden = yield* Hidden
    const presence = yield* Presence
    const workers = yield* Workers
    const link = yield* RunnerLink
    yield* bus.register(MailboxConsumer, {
      deliver: (mail) =>
        Effect.suspend(() => {
          const session = sessions.ofGuest(mail.guest)
          if (session === undefined) return Effect.void
          if (session.mailboxSeq === notFollowing) {
            session.mailWaits = true
            return Effect.void
          }
          if (mail.prev > session.mailboxSeq) return mailbox.fill(session)
          tellAll(session, [mail])
          return Effect.void
        })
    })
    const judgeClaimed = Effect.fnUntraced(function* (session: Session) {
      if (session.held !== undefined && !(yield* presence.holds(session.held))) sessions.judge(session)
    })
    const compare = Effect.gen(function* () {
      const following = [...sessions.all()].filter((session) => session.mailboxSeq !== notFollowing)
      for (let at = 0; at < following.length; at += compareAtOnce) {
        const some = following.slice(at, at + compareAtOnce)
        const heads = yield* space.heads(some.map((session) => session.guest))
        for (const session of some) {
          const guest = heads.get(session.guest)
          if (isClaimed(session, guest?.counters)) yield* judgeClaimed(session)
          if ((guest?.heads.get(mailboxStream)?.seq ?? 0) > session.mailboxSeq) yield* mailbox.fill(session)
          if ((guest?.heads.get(blocksStream)?.seq ?? 0) > hidden.of(session).seq) yield* hidden.read(session)
        }
      }
    })
    const look = enduring("mailboxes", compare)
    yield* workers.run("mailboxes", look.pipe(Effect.delay(compareEvery), Effect.forever))
    // Whatever was told while the link was away is in the mailboxes (rule C3).
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    yield* link.onReady(() => void fork(look))
  })
)

/** Every claim counts (rule P2): perhaps another has made one since. An enter that came to nothing counts, too. */
const isClaimed = ({ held }: Session, counters: ReadonlyMap<string, number> | undefined): boolean =>
  held !== undefined && (counters?.get(connectionCounter) ?? 0) > held.owner.connection

/** The name of every guest's own stream, to that guest. */
export const mailboxName = "mailbox"

export const positionOf = ({ epoch }: Caller, seq: number): StreamPosition => ({
  $type: "noriter.client.v1.StreamPosition",
  name: mailboxName,
  epoch,
  seq
})

/** Goes on after this entry, and says so: something before it is missing. */
const goOn = (caller: Caller, seq: number): void => {
  caller.mailboxSeq = seq
  caller.tellGap([positionOf(caller, seq)])
}

/** Tells entries in order, and none that was told before. */
const tellAll = (caller: Caller, mails: ReadonlyArray<MailTold>): void => {
  for (const mail of mails) {
    if (mail.seq <= caller.mailboxSeq) continue
    caller.mailboxSeq = mail.seq
    const body = bodyOf(mail)
    if (body !== undefined) caller.tell(body)
  }
}

/** What a phone is told of an entry; nothing of what only a newer release knows. */
const bodyOf = (mail: MailTold): ServerBody | undefined => {
  switch (mail.body?.$case) {
    case "whisper":
      return whispered(mail, mail.body.value)
    case "gift":
      return given(mail, mail.body.value)
    default:
      return undefined
  }
}
