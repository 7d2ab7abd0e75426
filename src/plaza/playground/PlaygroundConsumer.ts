/**
 * Takes what guests ask of playgrounds: the list, in and out (Entrance), steps, pace. A step touches nothing but the
 * session's place and the view: no effect, no round trip.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PlaygroundConsumer } from "../../../gen/consumers.ts"
import { ErrorCode } from "../../../gen/noriter/client/v1/error.ts"
import type { ListPlaygroundsResponse, MoveRequest } from "../../../gen/noriter/client/v1/playground.ts"
import type { Caller } from "../../bus/Caller.ts"
import { Refused } from "../../bus/Consumer.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { Session } from "../../client/Session.ts"
import { Settings } from "../../Settings.ts"
import { SharedSpace } from "../../space/SharedSpace.ts"
import { Channels } from "./Channels.ts"
import { Entrance } from "./Entrance.ts"
import { phoneOf } from "./PlaygroundPhone.ts"
import { openChannels } from "./Population.ts"
import { step } from "./Walk.ts"
import { type Playground, World } from "./World.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    const channels = yield* Channels
    const space = yield* SharedSpace
    const { playgrounds } = yield* World
    const { speedCmpsMax } = yield* Settings
    const entrance = yield* Entrance
    yield* bus.register(PlaygroundConsumer, {
      listPlaygrounds: () =>
        Effect.map(
          Effect.forEach(playgrounds, (playground) => described(space, playground)),
          (described): ListPlaygroundsResponse => ({
            $type: "noriter.client.v1.ListPlaygroundsResponse",
            playgrounds: described
          })
        ).pipe(Effect.mapError(() => away)),
      enter: entrance.enter,
      leave: (_, call) => Effect.as(entrance.leave(call), { $type: "noriter.client.v1.LeaveResponse" as const }),
      move: (request, { caller }) => {
        walk(channels, caller, request, speedCmpsMax)
        return Effect.void
      },
      pace: ({ pace }, { caller }) =>
        Effect.sync(() => {
          const phone = caller instanceof Session ? phoneOf(caller) : undefined
          if (caller.place !== undefined && phone !== undefined) channels.view(caller.place.tag)?.setPace(phone, pace)
        })
    })
  })
)

/** Takes a step, or tells the phone where it stands. Done at once: this is what comes ten times a second from everybody. */
const walk = (channels: Channels["Service"], caller: Caller, request: MoveRequest, speedCmpsMax: number): void => {
  const { place } = caller
  const view = place === undefined ? undefined : channels.view(place.tag)
  const phone = caller instanceof Session ? phoneOf(caller) : undefined
  if (place === undefined || view === undefined || phone === undefined) return
  const from = view.positionOf(place.member)
  if (from === undefined) return
  const { xCm, yCm } = request
  const inBounds = xCm < view.widthCm && yCm < view.heightCm
  const distanceCm = Math.hypot(xCm - from.xCm, yCm - from.yCm)
  if (inBounds && step(phone, distanceCm, performance.now(), speedCmpsMax)) view.moved(place.member, xCm, yCm)
  else caller.tell({ $case: "moveCorrected", value: { $type: "noriter.client.v1.MoveCorrected", ...from } })
}

const described = (space: SharedSpace["Service"], playground: Playground) =>
  Effect.map(openChannels(space, playground), (open) => ({
    $type: "noriter.client.v1.Playground" as const,
    id: playground.id,
    name: playground.name,
    widthCm: playground.widthCm,
    heightCm: playground.heightCm,
    population: open.reduce((sum, { population }) => sum + population, 0),
    channels: open.map((channel) => ({
      $type: "noriter.client.v1.Channel" as const,
      ...channel,
      capacity: playground.capacity
    }))
  }))

const away = new Refused({
  code: ErrorCode.ERROR_CODE_UNAVAILABLE,
  message: "the playgrounds cannot be read just now",
  retryAfterMs: 1000
})
