/** What a conversation knows of where its guest stands, and who is told of it. */
import { assert, describe, it } from "@effect/vitest"
import * as Limits from "../../sdk/typescript/src/Limits.ts"
import { Talker } from "./Talker.ts"

describe("A conversation knows how often moves are told", () => {
  it("as its enter was answered, and from then on as it is told, whoever listens to that", () => {
    const talker = new Talker().greeted()
    const told = () => talker.conversation.place?.tickMs
    talker.tell({ ticking: { tickMs: 400 } })
    assert.isUndefined(told(), "it stands nowhere")
    talker.ask("enter", { playground: "park" })
    talker.tell({ re: talker.lastId(), enter: { playground: "park", channel: 1, member: 12, tickMs: 100 } })
    assert.strictEqual(told(), 100)
    talker.tell({ ticking: { tickMs: 200 } })
    assert.strictEqual(told(), 200)
    talker.conversation.want("ticking")
    talker.conversation.unwant("ticking")
    talker.tell({ ticking: { tickMs: 100 } })
    assert.strictEqual(told(), 100)
  })
})

describe("What is answered again behind a resume", () => {
  const park = { playground: "park", channel: 1, member: 12 }
  const plaza = { playground: "plaza", channel: 3, member: 4 }
  /** Was told where it stands, and asked each of these before; none of the answers came. */
  const resumed = (asked: ReadonlyArray<"enter" | "leave">, resume: object) => {
    const places: Array<number | undefined> = []
    const talker = new Talker({ stands: (place) => void places.push(place?.member) }).greeted()
    const ids = asked.map((key) => {
      talker.ask(key, { playground: "park" })
      return talker.lastId()
    })
    talker.resumed(resume)
    return { talker, places, ids }
  }

  it("says where the guest stands no second time, but how large a cell is there", () => {
    const { talker, places, ids } = resumed(["enter"], park)
    talker.tell({ re: ids[0], enter: { ...park, cellCm: 1000, tickMs: 200 } })
    assert.deepStrictEqual(places, [12])
    assert.deepInclude(talker.conversation.place, { member: 12, cellCm: 1000, tickMs: 200 })
  })

  it("does not put the guest back to where the resume says that it stands no more", () => {
    const { talker, places, ids } = resumed(["enter", "leave", "enter"], plaza)
    const [enter, leave, enterAgain] = ids
    talker.tell({ re: enter, enter: park }).tell({ re: leave, leave: {} }).tell({ re: enterAgain, enter: plaza })
    assert.deepStrictEqual([places, talker.conversation.place?.playground], [[4], "plaza"])
  })

  it("is news where what was asked after it is refused", () => {
    const { talker, places, ids } = resumed(["enter", "enter"], {})
    talker.tell({ re: ids[0], enter: plaza }).tell({ re: ids[1], error: { code: "ERROR_CODE_CHANNEL_FULL" } })
    assert.deepStrictEqual(places, [4])
  })

  it("is not told over what was told since, nor where nobody knows what came of the last", () => {
    const { talker, places, ids } = resumed(["enter", "enter"], plaza)
    talker.tell({ re: ids[0], enter: park })
    for (let time = 0; time <= Limits.uncertainMax; time++) {
      talker.tell({ re: ids[1], error: { code: "ERROR_CODE_UNCERTAIN" } })
    }
    assert.deepStrictEqual(places, [4])

    const { talker: leaving, places: left, ids: entering } = resumed(["enter", "enter"], plaza)
    leaving.tell({ re: entering[0], enter: park }).ask("leave", {})
    leaving.tell({ re: leaving.lastId(), leave: {} })
    leaving.tell({ re: entering[1], error: { code: "ERROR_CODE_CHANNEL_FULL" } })
    assert.deepStrictEqual(left, [4, undefined])
  })

  it("waits for nothing that is too long to be asked at all", () => {
    const places: Array<number | undefined> = []
    const talker = new Talker({ stands: (place) => void places.push(place?.member) }).greeted()
    talker.ask("enter", { playground: "park" })
    const id = talker.lastId()
    talker.lost().ask("enter", { playground: "x".repeat(Limits.lineBytesDefault) })
    talker.answerGreeting({ resume: { resumeToken: "t2" } }).tell({ re: id, enter: park })
    assert.deepStrictEqual(places, [12])
  })

  it("is told at once where there was no resume, whatever else was asked, and what that comes to", () => {
    const places: Array<number | undefined> = []
    const talker = new Talker({ stands: (place) => void places.push(place?.member) }).greeted().inside(500)
    const ask = (key: string) => {
      talker.ask(key, { playground: "plaza" })
      return talker.lastId()
    }
    const [there, back, away, nowhere] = [ask("enter"), ask("enter"), ask("leave"), ask("enter")]
    const at = (seq: number) => ({ streams: [{ name: "plaza/3", epoch: "e", seq }] })
    talker.tell({ re: there, enter: { ...plaza, ...at(5_000) } }).tell({ said: { seq: 5_001 } })
    talker.tell({ re: back, enter: { ...park, member: 13, streams: [{ name: "park/1", epoch: "e", seq: 501 }] } })
    talker.tell({ said: { seq: 502 } })
    talker.tell({ re: away, leave: {} }).tell({ re: nowhere, error: { code: "ERROR_CODE_CHANNEL_FULL" } })
    assert.deepStrictEqual(places, [12, 4, 13, undefined])
    assert.lengthOf(talker.heard, 2)
  })

  it("is news where it took effect only then, whatever id was answered last", () => {
    const { talker, places, ids } = resumed(["enter"], { lastId: 90 })
    talker.tell({ re: ids[0], enter: plaza })
    const { talker: leaving, places: left, ids: leave } = resumed(["leave"], { ...park, lastId: 90 })
    leaving.tell({ re: leave[0], leave: {} })
    assert.deepStrictEqual([places, left], [[4], [12, undefined]])
  })
})

describe("A listener that says that the network changed, when it is told", () => {
  it.each(["greeting", "stands"])("%s: each socket is greeted, before anything else is said on it", (when) => {
    const moves = (what: string) => {
      if (what === when && talker.sockets === 2) talker.conversation.networkChanged(talker.now)
    }
    const talker: Talker = new Talker({ changed: ({ state }) => moves(state), stands: () => moves("stands") })
    talker.greeted().inside(41).ask("say", { text: "하나" })
    const before = talker.written.length
    talker.lost().conversation.connected(talker.now)
    const resume = { resumeToken: "t2", recovered: true, playground: "park", channel: 1, member: 12 }
    if (when === "stands") talker.tell({ re: talker.lastId(), resume })
    assert.strictEqual(talker.sockets, 3)
    talker.answerGreeting({ resume })
    const keys = talker.written.slice(before).map((line) => Object.keys(JSON.parse(line))[1])
    assert.deepStrictEqual(keys, when === "stands" ? ["resume", "resume", "say"] : ["resume", "say"])
  })
})
