/** What a conversation knows of where its guest stands, and who is told of it. */
import { assert, describe, it } from "@effect/vitest"
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
