/** What a conversation knows of where its guest stands. */
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
