/**
 * Takes what guests ask of playgrounds: the list, in and out (Entrance), steps, pace. A step touches nothing but the
 * session's place and the view: no effect, no round trip.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PlaygroundConsumer } from "../../../gen/consumers.ts"
import type { ListPlaygroundsResponse, MoveRequest } from "../../../gen/noriter/client/v1/playground.ts"
import type { ServerBody } from "../../../gen/registry.ts"
import { EventBus } from "../../bus/EventBus.ts"
import { away } from "../../bus/Refusals.ts"
import { Session } from "../../client/Session.ts"
import { Settings } from "../../Settings.ts"
import type { Position } from "../../space/Held.ts"
import { SharedSpace } from "../../space/SharedSpace.ts"
import { Channels } from "./Channels.ts"
import { Entrance } from "./Entrance.ts"
import { type PlaygroundPhone, phoneOf } from "./PlaygroundPhone.ts"
import { allChannels, type OpenChannel } from "./Population.ts"
import type { View } from "./View.ts"
import { step } from "./Walk.ts"
import { type Playground, World } from "./World.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const bus = yield* EventBus
    const channels = yield* Channels
    const space = yield* SharedSpace
    const world = yield* World
    const { speedCmpsMax } = yield* Settings
    const entrance = yield* Entrance

    /** Takes a step; false: it is out of bounds or too fast. */
    const walk = (view: View, phone: PlaygroundPhone, { xCm, yCm }: MoveRequest): boolean => {
      const from = view.positionOf(phone.member)
      const bounds = world.find(phone.playground)
      if (from === undefined || bounds === undefined || xCm >= bounds.widthCm || yCm >= bounds.heightCm) return false
      if (speedCmpsMax > 0) {
        // Not Math.hypot, which takes ten times as long to be right beyond 10^150.
        const distanceCm = Math.sqrt((xCm - from.xCm) ** 2 + (yCm - from.yCm) ** 2)
        if (!step(phone, distanceCm, performance.now(), speedCmpsMax)) return false
      }
      view.moved(phone.member, xCm, yCm)
      return true
    }

    yield* bus.register(PlaygroundConsumer, {
      listPlaygrounds: () =>
        Effect.map(
          allChannels(space, world.playgrounds),
          (all): ListPlaygroundsResponse => ({
            $type: "noriter.client.v1.ListPlaygroundsResponse",
            playgrounds: all.map(({ playground, channels }) => described(playground, channels))
          })
        ).pipe(Effect.mapError(() => playgroundsAway)),
      enter: entrance.enter,
      leave: (_, call) => Effect.as(entrance.leave(call), { $type: "noriter.client.v1.LeaveResponse" as const }),
      // Done at once and not in an effect: this is what comes ten times a second from everybody.
      move: (request, { caller }) => {
        const view = caller.place === undefined ? undefined : channels.view(caller.place.tag)
        const phone = caller instanceof Session ? phoneOf(caller) : undefined
        if (view !== undefined && phone !== undefined && !walk(view, phone, request)) {
          const place = view.positionOf(phone.member)
          if (place !== undefined) caller.tell(corrected(place))
        }
        return Effect.void
      },
      pace: ({ pace }, { caller }) =>
        Effect.sync(() => {
          const phone = caller instanceof Session ? phoneOf(caller) : undefined
          // Kept by the session: it holds wherever the guest goes next.
          if (caller instanceof Session) caller.pace = pace
          if (caller.place !== undefined && phone !== undefined)
            channels.view(caller.place.tag)?.setPace(phone.member, pace)
        })
    })
  })
)

const corrected = (position: Position): ServerBody => ({
  $case: "moveCorrected",
  value: { $type: "noriter.client.v1.MoveCorrected", ...position }
})

const described = ({ id, name, widthCm, heightCm, capacity }: Playground, channels: ReadonlyArray<OpenChannel>) => ({
  $type: "noriter.client.v1.Playground" as const,
  id,
  name,
  widthCm,
  heightCm,
  population: channels.reduce((sum, { population }) => sum + population, 0),
  channels: channels.map((channel) => ({ $type: "noriter.client.v1.Channel" as const, ...channel, capacity }))
})

const playgroundsAway = away("the playgrounds cannot be read just now")
