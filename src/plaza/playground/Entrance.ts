/**
 * In and out of a channel: which channel a guest gets, what they are told on entering, what happens when their phone
 * comes back or goes. The order of the writes is Presence's; who is told is the view's.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ErrorCode } from "../../../gen/noriter/client/v1/error.ts"
import { EnterRequest, type EnterResponse } from "../../../gen/noriter/client/v1/playground.ts"
import type { StreamPosition } from "../../../gen/noriter/client/v1/session.ts"
import type { Enter } from "../../../gen/noriter/space/v1/records.ts"
import { type Call, type Later, later, type Place, Refused } from "../../bus/Caller.ts"
import { away, idReused, refusedAs, staleId } from "../../bus/Refusals.ts"
import { hashOf, placeAt, type Session, type StillAsked, sessionOf } from "../../client/Session.ts"
import { Sessions } from "../../client/Sessions.ts"
import { Turnstile } from "../../client/Turnstile.ts"
import type { LinkError } from "../../link/RunnerLink.ts"
import { Settings } from "../../Settings.ts"
import type { Held, HeldMember, Position } from "../../space/Held.ts"
import { entersMax, Presence } from "../../space/Presence.ts"
import type { PresenceRefused } from "../../space/PresenceRefused.ts"
import { Self } from "../../space/Self.ts"
import { SharedSpace, type SpaceError } from "../../space/SharedSpace.ts"
import { positionOf } from "../mailbox/Mailbox.ts"
import { Hidden } from "../social/Hidden.ts"
import { Channels } from "./Channels.ts"
import { historyLinesMax } from "./LineStream.ts"
import { phoneOf, placePhone } from "./PlaygroundPhone.ts"
import { openChannels } from "./Population.ts"
import type { View } from "./View.ts"
import { arrival, channelsMax, channelTag, type Playground, World } from "./World.ts"

export class Entrance extends Context.Service<
  Entrance,
  {
    readonly enter: (request: EnterRequest, call: Call) => Effect.Effect<Later, Refused>
    readonly leave: (call: Call) => Effect.Effect<void, Refused>
  }
>()("noriter/plaza/playground/Entrance") {
  static readonly layer = Layer.effect(
    Entrance,
    Effect.suspend(() => make)
  )
}

const make = Effect.gen(function* () {
  const presence = yield* Presence
  const channels = yield* Channels
  const world = yield* World
  const space = yield* SharedSpace
  const self = yield* Self
  const sessions = yield* Sessions
  const turnstile = yield* Turnstile
  const hidden = yield* Hidden
  const { cellCm } = yield* Settings

  /** Where it was not written for certain where the guest stands, that is looked at before anything else is asked. */
  const judged =
    (session: Session) =>
    <A>(write: Effect.Effect<A, PlaceError>) =>
      Effect.tapError(write, (error) =>
        Effect.sync(() => {
          if (error._tag !== "Refused" && !isFull(error)) sessions.judge(session)
        })
      )

  /** Takes a place in the first of these channels that has room. */
  const takePlace = Effect.fnUntraced(function* (session: Session, choice: Choice) {
    const { playground, id, bodyHash, avatar } = choice
    for (const channel of choice.channels) {
      const tag = channelTag(playground.id, channel)
      const view = yield* channels.open(tag)
      const request = { id, bodyHash, tag, capacity: playground.capacity, avatar, ...arrival(playground) }
      const enter = (held: Held) =>
        Effect.gen(function* () {
          const { held: now, member } = yield* presence.enter(held, request)
          // Nobody was in it: where the writes took long, it may have been closed.
          const open = channels.view(tag) === view ? view : yield* channels.open(tag)
          session.held = now
          return { view: open, member }
        })
      const entered = yield* session
        .change((held) => choice.stillAsked(enter(held)))
        .pipe(
          judged(session),
          Effect.catchIf(isFull, () => Effect.undefined)
        )
      if (entered !== undefined) return entered
    }
    return yield* channelFull
  })

  const enter = Effect.fnUntraced(function* (request: EnterRequest, call: Call): Effect.fn.Return<Later, Refused> {
    const session = sessionOf(call)
    const playground = world.find(request.playground)
    if (playground === undefined) return yield* playgroundUnknown
    const stillAsked = session.askedNow()
    yield* session.settled
    const known = yield* decidedBefore(session, call.id)
    if (known !== undefined) return yield* enteredBefore(session, request, known)
    return yield* newPlace(session, playground, request, call.id, stillAsked).pipe(unavailable, turnstile.pass(session))
  })

  const newPlace = Effect.fnUntraced(function* (
    session: Session,
    playground: Playground,
    request: EnterRequest,
    id: number,
    stillAsked: StillAsked
  ): Effect.fn.Return<Later, PlaceError> {
    // Numbers that seem to be free may be others', who are being put back (rule E2).
    const unsettledMs = self.unsettledMs()
    if (unsettledMs > 0) return yield* notYet(unsettledMs)
    // Read beside each other: whom the guest blocks is known before the phone is told of anybody.
    const [open] = yield* Effect.all([openChannels(space, playground), hidden.read(session)], both)
    const choice: Choice = {
      playground,
      id: id === 0 ? session.seenId : id,
      bodyHash: hashOf(EnterRequest.encode(request).finish()),
      avatar: request.avatar,
      channels: candidates(request.channel, open, playground),
      stillAsked
    }
    if (choice.channels.length === 0) return yield* request.channel > 0 ? channelUnknown : channelFull
    const { view, member } = yield* takePlace(session, choice)
    leaveView(channels, session)
    show(view, member)
    // The number may have been the guest's before, in what the space has lost: then it stood elsewhere.
    view.moved(member.member, member.record.xCm, member.record.yCm)
    session.place = placeAt(member.tag, member.member)
    const streams = [linesPosition(view), toldOfMailbox(session)]
    session.answer(id, { $case: "enter", value: entered(session.place, member.record, streams) })
    const phone = placePhone(session, session.place, hidden.of(session).hidden)
    if (phone !== undefined) view.join(phone, { history: historyLinesMax })
    return later
  })

  const entered = (
    { playground, channel, member }: Place,
    { xCm, yCm }: Position,
    streams: Array<StreamPosition>
  ): EnterResponse => ({
    $type: "noriter.client.v1.EnterResponse",
    playground,
    channel,
    member,
    xCm,
    yCm,
    cellCm,
    tickMs: channels.tickMs(),
    streams
  })

  /** The same enter again, because its answer was not heard: answered alike, and without effect (rule L7). */
  const enteredBefore = (session: Session, request: EnterRequest, known: Enter): Effect.Effect<Later, Refused> =>
    Effect.suspend(() => {
      if (known.channel === "" || !isSame(request, known)) return Effect.fail(idReused)
      const view = channels.view(known.channel)
      const inMailbox = toldOfMailbox(session)
      const streams = view === undefined ? [inMailbox] : [linesPosition(view), inMailbox]
      session.answer(known.id, { $case: "enter", value: entered(placeAt(known.channel, known.member), known, streams) })
      return Effect.succeed(later)
    })

  /** As enterOf; refused also when the log has decided another request under this id where the guest stands (rule L6). */
  const decidedBefore = Effect.fnUntraced(function* (session: Session, id: number) {
    const known = yield* enterOf(session, id)
    if (known !== undefined || id === 0 || session.place === undefined) return known
    const outcomes = [{ session: session.session, id }]
    const { remembered } = yield* space.read({ tag: session.place.tag, keys: [], outcomes }).pipe(unavailable)
    return remembered[0]?._tag === "Decided" ? yield* idReused : undefined
  })

  const leave = Effect.fnUntraced(function* (call: Call): Effect.fn.Return<void, Refused> {
    const session = sessionOf(call)
    const stillAsked = session.askedNow()
    yield* session.settled
    const known = yield* decidedBefore(session, call.id)
    if (known !== undefined) return known.channel === "" ? undefined : yield* idReused
    const id = call.id === 0 ? session.seenId : call.id
    yield* session
      .change((held) => stillAsked(Effect.map(presence.leave(held, id), (left) => session.hold(left))))
      .pipe(judged(session), unavailable)
    leaveView(channels, session)
    session.place = undefined
  })

  return Entrance.of({ enter, leave })
})

const both = { concurrency: "unbounded" } as const

/** So many new channels are tried, each when the one before is full. One takes in thousands, unless the world says otherwise. */
export const newChannelsMax = 64

interface Choice {
  readonly playground: Playground
  /** By which the request is known again, and what was asked under it. */
  readonly id: number
  readonly bodyHash: Uint8Array
  readonly avatar: string
  readonly channels: ReadonlyArray<number>
  readonly stillAsked: StillAsked
}

/**
 * The one asked for, or those with room in order and then new ones: whoever comes at the same time may have filled all that
 * had room, and each new one after that. Empty: there is no such channel, or no room for another.
 */
const candidates = (
  asked: number,
  open: ReadonlyArray<{ readonly channel: number; readonly population: number }>,
  { capacity }: Playground
): ReadonlyArray<number> => {
  if (asked > 0) return open.some(({ channel }) => channel === asked) ? [asked] : []
  const withRoom = open.filter(({ population }) => population < capacity).map(({ channel }) => channel)
  const news = Math.min(newChannelsMax, channelsMax - open.length)
  return [...withRoom, ...Array.from({ length: news }, (_, index) => open.length + 1 + index)]
}

/** This phone is told nothing more of where it stood; a newer phone of the same member is not this one. */
export const leaveView = (channels: Channels["Service"], session: Session): void => {
  const phone = phoneOf(session)
  const view = session.place === undefined ? undefined : channels.view(session.place.tag)
  if (phone === undefined || view === undefined) return
  // What was said while it stood there and waits for the end of this turn is still for its ears.
  view.flushLines()
  view.leave(phone.member, phone)
}

const isSame = (request: EnterRequest, { bodyHash }: Enter): boolean =>
  Buffer.compare(hashOf(EnterRequest.encode(request).finish()), bodyHash) === 0

/** The enter or leave that was decided under this id (rule L7); refused when nobody can say any more. */
const enterOf = (session: Session, id: number): Effect.Effect<Enter | undefined, Refused> => {
  const enters = session.held?.record.enters ?? []
  const oldest = enters[0]
  if (id === 0 || oldest === undefined) return Effect.undefined
  if (id < oldest.id && enters.length >= entersMax) return Effect.fail(staleId)
  return Effect.succeed(enters.find((enter) => enter.id === id))
}

/** What the view is told of this runner's own commits at once; the frame that follows changes nothing (rule P11). */
export const show = (view: View, { member, version, record }: HeldMember): void =>
  view.memberWritten(member, version, record)

export const linesPosition = (view: View): StreamPosition => ({
  $type: "noriter.client.v1.StreamPosition",
  name: view.tag,
  epoch: view.epoch,
  seq: view.head
})

/** As far as the phone was told, and not as far as the mailbox is: what lies between is still to come. */
const toldOfMailbox = (session: Session): StreamPosition => positionOf(session, Math.max(0, session.mailboxSeq))

/** Why nobody has a place. */
type PlaceError = Refused | PresenceRefused | SpaceError | LinkError

const isFull = (error: PlaceError): error is PresenceRefused =>
  error._tag === "PresenceRefused" && error.reason === "Full"

/** What it means for a phone that a place could not be written. Nothing has happened to it. */
const unavailable = <A>(effect: Effect.Effect<A, PlaceError>): Effect.Effect<A, Refused> =>
  Effect.mapError(effect, (error) => (error instanceof Refused ? error : placesAway))

const playgroundUnknown = refusedAs(ErrorCode.ERROR_CODE_PLAYGROUND_UNKNOWN, "there is no such playground")
const channelUnknown = refusedAs(ErrorCode.ERROR_CODE_CHANNEL_UNKNOWN, "there is no such channel")
const channelFull = refusedAs(ErrorCode.ERROR_CODE_CHANNEL_FULL, "this channel is full")
const notYet = (retryAfterMs: number): Refused =>
  refusedAs(ErrorCode.ERROR_CODE_UNAVAILABLE, "those who were here are being put back", retryAfterMs)
const placesAway = away("places cannot be taken just now")
