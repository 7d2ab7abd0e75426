/** Which lines a conversation takes for heard, and from where it asks for others. */
import { assert, describe, it } from "@effect/vitest"
import { Talker } from "./Talker.ts"

describe("Lines of a stream", () => {
  const heardBy = (talker: Talker) => talker.heard.map(({ body }) => new Map(Object.entries(body ?? {})).get("seq"))

  it("are heard once, in order; history is no part of it", () => {
    const talker = new Talker().greeted().inside(41)
    talker.tell({ said: { seq: 40, history: true } })
    for (const seq of [42, 42, 50, 44, 50, 51]) talker.tell({ said: { seq } })
    assert.deepStrictEqual(heardBy(talker), [40, 42, 50, 51])
  })

  it("that were missed are heard after a resume, though it says first where the stream stands", () => {
    const talker = new Talker().greeted().inside(41)
    talker.tell({ said: { seq: 42 } })
    const streams = [{ name: "park/1", epoch: "e", seq: 60 }]
    talker.resumed({ playground: "park", channel: 1, streams })
    for (const seq of [42, 55, 60, 61]) talker.tell({ said: { seq } })
    assert.deepStrictEqual(heardBy(talker), [42, 55, 60, 61])
    assert.strictEqual(talker.missed, 0)
  })

  it("that are lost are told of: by the resume, or by the server at any time; another epoch counts anew", () => {
    const talker = new Talker().greeted().inside(41)
    const streams = [{ name: "park/1", epoch: "f", seq: 5 }]
    talker.resumed({ recovered: false, playground: "park", channel: 1, streams })
    for (const seq of [5, 6]) talker.tell({ said: { seq } })
    assert.deepStrictEqual(heardBy(talker), [6])
    talker.tell({ streams: { streams: [{ name: "park/1", epoch: "g", seq: 1 }] } }).tell({ said: { seq: 2 } })
    assert.deepStrictEqual(heardBy(talker), [6, 2])
    assert.strictEqual(talker.missed, 2)
  })

  it("go on from where a gap was told in the same epoch, and never from before what was heard", () => {
    const talker = new Talker().greeted().inside(41)
    const asked = () => {
      talker.lost().conversation.connected(talker.now)
      return JSON.parse(talker.written.at(-1) ?? "").resume.streams[0].seq
    }
    const at = (seq: number) => ({ streams: [{ name: "park/1", epoch: "e", seq }] })
    talker.tell({ streams: { recovered: false, ...at(200) } })
    assert.strictEqual(asked(), 200)
    const resume = { resumeToken: "t2", playground: "park", channel: 1, ...at(300) }
    talker.tell({ re: talker.lastId(), resume: { ...resume, recovered: false } })
    assert.strictEqual(asked(), 300)
    // A server of 0.1.0 says where the stream stands, and then what was missed of it.
    talker.tell({ re: talker.lastId(), resume: { ...resume, recovered: false } }).tell({ said: { seq: 299 } })
    talker.tell({ said: { seq: 301 } }).tell({ streams: { recovered: false, ...at(90) } })
    assert.deepStrictEqual([heardBy(talker), asked()], [[299, 301], 301])
  })

  it("of a channel that was left are forgotten, those of the mailbox are not", () => {
    const talker = new Talker().greeted().inside(41)
    talker.tell({ streams: { recovered: true, streams: [{ name: "mailbox", epoch: "e", seq: 3 }] } })
    talker.tell({ whispered: { seq: 4 } }).tell({ given: { seq: 4 } })
    talker.ask("leave", {})
    talker.tell({ re: talker.lastId(), leave: {} }).lost()
    talker.conversation.connected(talker.now)
    assert.deepStrictEqual(JSON.parse(talker.written.at(-1) ?? "").resume.streams, [
      { name: "mailbox", epoch: "e", seq: 4 }
    ])
    assert.deepStrictEqual(heardBy(talker), [4])
  })
})
