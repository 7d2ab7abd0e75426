/** What the Event Bus adds to a call of the handler: finding the consumer by its key, and counting. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PlaygroundConsumer } from "../gen/consumers.ts"
import type { MoveRequest } from "../gen/noriter/client/v1/playground.ts"
import type { Call, Caller } from "../src/bus/Caller.ts"
import { EventBus } from "../src/bus/EventBus.ts"
import * as MemoryRunnerLink from "../src/link/MemoryRunnerLink.ts"
import * as MemoryTopicLog from "../src/link/MemoryTopicLog.ts"
import { compare, type Piece } from "./Measure.ts"
import type { Bench } from "./Report.ts"

const notAsked = Effect.die(new Error("the handler of this bench asks its caller nothing"))

const caller: Caller = {
  session: "s_bench",
  guest: "g_bench",
  nickname: "바람",
  place: undefined,
  mailboxSeq: 0,
  mailWaits: false,
  epoch: "",
  placeOf: () => notAsked,
  tell: () => {},
  answer: () => {},
  tellGap: () => {},
  ask: () => notAsked,
  settled: Effect.void
}
const call: Call = { id: 0, trace: undefined, caller }
const request: MoveRequest = { $type: "noriter.client.v1.MoveRequest", xCm: 10_290, yCm: 9_950 }

let walked = 0
const move = (message: MoveRequest): Effect.Effect<void> =>
  Effect.sync(() => {
    walked += message.xCm
  })

/** One fiber that does it again and again, as a session's does. */
const again =
  (once: () => Effect.Effect<unknown, unknown>): Piece =>
  (times) => {
    let left = times
    Effect.runSync(Effect.whileLoop({ while: () => left-- > 0, body: once, step: () => {} }))
    return walked
  }

export const dispatch: Bench = {
  name: "dispatch",
  about: "a request handed to its consumer by the Event Bus, figures kept, in a running fiber",
  run: (seconds, at) =>
    Effect.gen(function* () {
      const bus = Context.get(yield* Layer.build(layer), EventBus)
      yield* bus.register(PlaygroundConsumer, {
        listPlaygrounds: () => notAsked,
        enter: () => notAsked,
        leave: () => notAsked,
        pace: () => notAsked,
        move
      })
      at("a move")
      const { piece, baseline } = compare(
        again(() => bus.dispatch(request, call)),
        again(() => move(request)),
        seconds
      )
      return [
        { name: "a move by the bus", unit: "ns", target: 500, ...piece },
        { name: "its handler called directly", unit: "ns", ...baseline }
      ]
    }).pipe(Effect.scoped, Effect.runPromise)
}

const layer = Layer.provide(EventBus.layer, [MemoryRunnerLink.layer, MemoryTopicLog.layer])
