/**
 * A runner with phones, without sockets and without a plaza: everything of client/ over the memory twins, an Attendance
 * and consumers that do just enough to enter, leave, talk and move. `hooks` says what else a handler is to do.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ChatConsumer, PlaygroundConsumer } from "../../gen/consumers.ts"
import { SayRequest } from "../../gen/noriter/client/v1/chat.ts"
import { ErrorCode } from "../../gen/noriter/client/v1/error.ts"
import type { Answer } from "../../gen/noriter/space/v1/records.ts"
import { type Call, Refused } from "../../src/bus/Caller.ts"
import { Attendance } from "../../src/client/Attendance.ts"
import { ClientMessageConsumer } from "../../src/client/ClientMessageConsumer.ts"
import { placeAt, Session } from "../../src/client/Session.ts"
import * as SessionConsumer from "../../src/client/SessionConsumer.ts"
import { Sessions } from "../../src/client/Sessions.ts"
import { Tokens } from "../../src/client/Tokens.ts"
import { Turnstile } from "../../src/client/Turnstile.ts"
import type { HeldMember } from "../../src/space/Held.ts"
import type { SpaceError } from "../../src/space/SharedSpace.ts"
import { decide, line } from "../space/Asking.ts"
import { apply, LogWatch, type Runner, type RunnerOptions, runner, settle, type Twins } from "../space/Harness.ts"
import { FakeConnection } from "./FakeConnection.ts"

export class Hooks {
  /** Run by each handler before it does anything else. */
  handling: (field: string) => Effect.Effect<void, Refused> = () => Effect.void
  /** Run before a session is begun or resumed for good. */
  attending: Effect.Effect<void, SpaceError> = Effect.void
  /** A move's handler, which is no effect: it may throw. */
  moving: () => void = () => {}
  readonly moves: Array<number> = []
  detached = 0
  replaced = 0
}

const attendance = (hooks: Hooks): Attendance["Service"] => ({
  began: () => hooks.attending,
  resumed: (_, member: HeldMember | undefined, heard) =>
    Effect.map(hooks.attending, () => () => ({
      place: member && placeAt(member.tag, member.member),
      xCm: member?.record.xCm ?? 0,
      yCm: member?.record.yCm ?? 0,
      recovered: true,
      streams: heard,
      replay: () => {}
    })),
  detached: () => void hooks.detached++,
  replaced: () => void hooks.replaced++,
  positionOf: () => ({ xCm: 1, yCm: 2 }),
  regained: () => hooks.attending
})

const refused = (code: ErrorCode, retryAfterMs = 0): Refused =>
  new Refused({ code, message: "in this test", retryAfterMs })

const answerOf = ({ body }: Answer) =>
  body?.$case === "say"
    ? { $type: "noriter.client.v1.SayResponse" as const, seq: body.value.seq }
    : refused(body?.$case === "refusal" ? body.value.code : ErrorCode.ERROR_CODE_INTERNAL)

const away = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, Refused> =>
  Effect.mapError(effect, (error) =>
    error instanceof Refused ? error : refused(ErrorCode.ERROR_CODE_UNAVAILABLE, 1000)
  )

const sessionOf = ({ caller }: Call): Session => {
  if (caller instanceof Session) return caller
  throw new Error("not a session")
}

const enter = (presence: Runner["presence"], playground: string, call: Call) =>
  Effect.gen(function* () {
    const session = sessionOf(call)
    yield* session.settled
    const what = { id: call.id, bodyHash: new Uint8Array(16) }
    const request = { ...what, tag: `${playground}/1`, capacity: 5_000, avatar: "fox", xCm: 1, yCm: 2 }
    const { held, member } = yield* away(session.change((before) => presence.enter(before, request)))
    session.held = held
    session.place = placeAt(member.tag, member.member)
    return {
      $type: "noriter.client.v1.EnterResponse" as const,
      playground,
      channel: 1,
      member: member.member,
      xCm: 1,
      yCm: 2,
      cellCm: 1_000,
      tickMs: 100,
      streams: []
    }
  })

const leave = (presence: Runner["presence"], call: Call) =>
  Effect.gen(function* () {
    const session = sessionOf(call)
    yield* session.settled
    session.held = yield* away(session.change((held) => presence.leave(held, call.id)))
    session.place = undefined
    return { $type: "noriter.client.v1.LeaveResponse" as const }
  })

const consumers = Effect.fnUntraced(function* ({ bus, presence }: Runner, hooks: Hooks) {
  const fleeting = (field: string) => hooks.handling(field)
  yield* bus.register(PlaygroundConsumer, {
    listPlaygrounds: () =>
      Effect.as(hooks.handling("listPlaygrounds"), {
        $type: "noriter.client.v1.ListPlaygroundsResponse",
        playgrounds: []
      }),
    enter: ({ playground }, call) => Effect.andThen(hooks.handling("enter"), enter(presence, playground, call)),
    leave: (_, call) => Effect.andThen(hooks.handling("leave"), leave(presence, call)),
    move: ({ xCm }) => {
      hooks.moving()
      hooks.moves.push(xCm)
      return Effect.void
    },
    pace: () => fleeting("pace")
  })
  yield* bus.register(ChatConsumer, {
    say: (request, call) =>
      Effect.flatMap(Effect.andThen(hooks.handling("say"), call.caller.placeOf(call.id)), (place) =>
        call.caller.ask(call, {
          member: place.member,
          body: SayRequest.encode(request).finish(),
          record: (asker) => ({ ...line({ text: request.text }, place.tag), asker }),
          answerOf
        })
      ),
    whisper: () => Effect.as(hooks.handling("whisper"), { $type: "noriter.client.v1.WhisperResponse" }),
    emote: () => fleeting("emote"),
    typing: () => fleeting("typing")
  })
})

export interface HouseOptions extends RunnerOptions {
  readonly hooks?: Hooks
  /** Whether it applies what is asked of the log. */
  readonly applies?: boolean
}

/** A runner that phones may come to, until the test ends. */
export const house = Effect.fnUntraced(function* (twins: Twins, options: HouseOptions = {}) {
  const { hooks = new Hooks(), log = new LogWatch(), applies = true } = options
  const settings = { rateLimits: false, ...options.settings }
  const built = yield* runner(twins, { ...options, log, settings })
  const layers = Layer.mergeAll(SessionConsumer.layer, ClientMessageConsumer.layer).pipe(
    Layer.provideMerge(Layer.mergeAll(Sessions.layer, Tokens.layer, Turnstile.layer)),
    Layer.provideMerge(Layer.succeed(Attendance, attendance(hooks)))
  )
  const context = yield* Layer.build(Layer.fresh(layers)).pipe(Effect.provideContext(built.context))
  yield* consumers(built, hooks)
  yield* decide(built)
  if (applies) yield* apply(built)
  const { serve } = Context.get(context, ClientMessageConsumer)
  const run = Effect.runForkWith(yield* Effect.context<never>())
  /** A phone that connects; with lines, it says them. */
  const connect = Effect.fnUntraced(function* (...lines: ReadonlyArray<string | object>) {
    const phone = new FakeConnection()
    phone.say(...lines)
    phone.begin(serve(phone), run)
    yield* settle
    return phone
  })
  return { ...built, hooks, appends: log, sessions: Context.get(context, Sessions), connect }
})

export const hello = (id = 1, deviceSecret = "device-secret-one") => ({ id, hello: { deviceSecret, nickname: "바람" } })
export const entering = (id: number, playground = "park") => ({ id, enter: { playground, avatar: "fox" } })
export const saying = (id: number, text = "a") => ({ id, say: { text, reach: "REACH_PLAYGROUND" } })
