import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Queue } from "effect"
import { type Answer, Body, type Options, Phone, type State } from "../../src/command/Phone.ts"
import { fakeServer } from "./FakeServer.ts"

/** A phone that is ticked, and what happens to it. */
const phoneAt = Effect.fnUntraced(function* (port: number, some: Partial<Options> = {}) {
  const began = yield* Queue.unbounded<"resumed" | "anew">()
  const states = yield* Queue.unbounded<State>()
  const heard = yield* Queue.unbounded<{ readonly key: string; readonly body: Body }>()
  const phone = new Phone(
    {
      host: "127.0.0.1",
      port,
      deviceSecret: "0123456789abcdef",
      nickname: "바람",
      sdk: "test",
      random: () => 0,
      ...some
    },
    {
      began: (resumed) => Queue.offerUnsafe(began, resumed ? "resumed" : "anew"),
      heard: (key, body) => Queue.offerUnsafe(heard, { key, body }),
      changed: (state) => Queue.offerUnsafe(states, state)
    }
  )
  yield* Effect.acquireRelease(
    Effect.sync(() => setInterval(() => phone.tick(Date.now()), 5)),
    (timer) =>
      Effect.sync(() => {
        clearInterval(timer)
        phone.close()
      })
  )
  const asked = (text: string) => {
    const answered = Deferred.makeUnsafe<Answer>()
    phone.ask("say", { text, reach: 2 }, (answer) => Deferred.doneUnsafe(answered, Effect.succeed(answer)))
    return Deferred.await(answered)
  }
  const until = (state: State) => Effect.repeat(Queue.take(states), { until: (now) => now === state })
  return { phone, began: Queue.take(began), heard: Queue.take(heard), asked, until }
})

const enter = (phone: Phone) =>
  Effect.callback<Answer>((resume) => {
    phone.ask("enter", { playground: "park", avatar: "fox", channel: 0 }, (answer) => resume(Effect.succeed(answer)))
  })

describe("Phone", () => {
  it.live("says hello first, and gives each answer to who asked", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const { began, asked } = yield* phoneAt(server.port)
      assert.strictEqual(yield* began, "anew")
      server.answer = ({ body }) => (body.text("text") === "no" ? { error: { code: "ERROR_CODE_OUTSIDE" } } : undefined)
      const [yes, no] = yield* Effect.all([asked("yes"), asked("no")], { concurrency: 2 })
      assert.isUndefined(yes.error)
      assert.strictEqual(no.error, "ERROR_CODE_OUTSIDE")
      assert.strictEqual(server.lines[0]?.key, "hello")
    })
  )

  it.live("comes back by itself, resumes from what it heard last, and asks again what has no answer", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const { phone, began, asked, heard } = yield* phoneAt(server.port)
      yield* began
      yield* enter(phone)
      server.tell({ said: { seq: 57, member: 7, text: "어서 와요" } })
      yield* heard
      let lost = true
      server.answer = ({ key }) => (key === "say" && lost ? "nothing" : undefined)
      const answer = yield* Effect.forkChild(asked("들려요?"))
      const first = yield* server.heard(({ key }) => key === "say")
      lost = false
      server.cut()
      assert.strictEqual(yield* began, "resumed")
      assert.isUndefined((yield* Fiber.join(answer)).error)
      const says = server.lines.filter(({ key }) => key === "say")
      assert.deepStrictEqual(
        says.map(({ id }) => id),
        [first.id, first.id]
      )
      const resume = server.lines.find(({ key }) => key === "resume")
      assert.strictEqual(resume?.body.text("resumeToken"), "t1")
      assert.strictEqual(resume?.body.bodies("streams")[0]?.number("seq"), 57)
    })
  )

  it.live("says hello on the same socket when its token is refused, and fails what was asked before", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const { began, asked } = yield* phoneAt(server.port)
      yield* began
      server.answer = ({ key }) =>
        key === "say" ? "nothing" : key === "resume" ? { error: { code: "ERROR_CODE_SESSION_ENDED" } } : undefined
      const answer = yield* Effect.forkChild(asked("?"))
      yield* server.heard(({ key }) => key === "say")
      server.cut()
      assert.strictEqual(yield* began, "anew")
      assert.strictEqual((yield* Fiber.join(answer)).error, "ERROR_CODE_SESSION_ENDED")
    })
  )

  it.live("sends again what is uncertain, with the same id", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const { began, asked } = yield* phoneAt(server.port)
      yield* began
      let times = 0
      server.answer = ({ key }) =>
        key === "say" && ++times < 3 ? { error: { code: "ERROR_CODE_UNCERTAIN" } } : undefined
      assert.isUndefined((yield* asked("?")).error)
      const ids = server.lines.filter(({ key }) => key === "say").map(({ id }) => id)
      assert.deepStrictEqual(new Set(ids).size, 1)
      assert.strictEqual(ids.length, 3)
    })
  )

  it.live("stays away when told so, and comes back otherwise", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const { began, until, phone } = yield* phoneAt(server.port)
      yield* began
      server.tell({ disconnect: { code: "DISCONNECT_CODE_DRAINING", comeBack: true, afterMs: 1 } })
      assert.strictEqual(yield* began, "resumed")
      server.tell({ disconnect: { code: "DISCONNECT_CODE_REPLACED" } })
      yield* until("ended")
      assert.strictEqual(
        phone.ask("ping", {}, () => {}),
        0
      )
    })
  )

  it.live("takes at most 32 questions at a time", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const { began, phone } = yield* phoneAt(server.port)
      yield* began
      server.answer = () => "nothing"
      const ids = Array.from({ length: 33 }, () => phone.ask("ping", {}, () => {}))
      assert.isTrue(ids.slice(0, 32).every((id) => id > 0))
      assert.strictEqual(ids[32], 0)
    })
  )

  it.live("hears only what it wants, but always answers and disconnects", () =>
    Effect.gen(function* () {
      const server = yield* fakeServer
      const { began, heard, asked, phone } = yield* phoneAt(server.port, { wanted: new Set(["emoted"]) })
      yield* began
      server.tell({ moved: { member: [1] } })
      server.tell({ emoted: { member: 7, kind: "wave" } })
      assert.strictEqual((yield* heard).key, "emoted")
      assert.isUndefined((yield* asked("!")).error)
      assert.isAbove(phone.figures.linesIn, 3)
    })
  )
})

describe("Body", () => {
  it("reads what is absent, and what is of another kind, as zero", () => {
    const body = new Body({ n: 7, s: "x", l: [1, "2", null], o: { n: 1 }, big: "9007199254740991", f: "true" })
    assert.strictEqual(body.number("n"), 7)
    assert.strictEqual(body.number("big"), 9_007_199_254_740_991)
    assert.strictEqual(body.number("s"), 0)
    assert.strictEqual(body.text("n"), "")
    assert.isFalse(body.flag("f"))
    assert.deepStrictEqual(body.numbers("l"), [1, 2, 0])
    assert.deepStrictEqual(body.numbers("n"), [])
    assert.strictEqual(body.body("o").number("n"), 1)
    assert.strictEqual(new Body(null).body("o").number("n"), 0)
  })
})
