/** What is asked of a channel right after the shared space was emptied, in the generation that begins then (rules L12, L13). */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { ChannelAskedConsumer } from "../../gen/consumers.ts"
import type { LineAsked } from "../../gen/noriter/topic/v1/chat.ts"
import { generationText } from "../../src/link/Roster.ts"
import { memberKey } from "../../src/space/Tag.ts"
import { commitOf, put } from "../contract/SharedSpaceCommits.ts"
import { plaza } from "./Applying.ts"
import { appendTo, channelDecider, found, line, tag } from "./Asking.ts"
import { apply, pass, runner, settle, Twins } from "./Harness.ts"

it.effect("is applied once, however soon it was asked; what was asked before the generation is not", () =>
  Effect.gen(function* () {
    const { twins, first, say } = yield* plaza()
    const before = generationText(first.self.generation)
    yield* pass(3)
    twins.space.flushQuietly()
    yield* say(line({ id: 1, generation: before }), line({ id: 2 }))
    while (generationText(first.self.generation) === before) {
      yield* TestClock.adjust("10 millis")
      yield* settle
    }
    const generation = generationText(first.self.generation)
    // Those who stand there are put back while they go on talking.
    yield* say(line({ id: 3, generation }))
    yield* TestClock.adjust("300 millis")
    found(twins, first)
    yield* say(line({ id: 4, generation }))
    yield* pass(10)
    assert.deepStrictEqual(first.decided, [3, 4])
  })
)

it.effect("waits for its member to be put back, where the channel is already, and no longer than that may take", () =>
  Effect.gen(function* () {
    const twins = new Twins()
    const decided: Array<number> = []
    const first = yield* runner(twins)
    const { record, pass: passing } = channelDecider(decided)
    const reads = ({ text }: LineAsked) => [memberKey(text === "other" ? 2 : 1)]
    yield* first.bus.register(ChannelAskedConsumer, { record: { ...record, reads }, pass: passing })
    const reading = yield* apply(first)
    found(twins, first)
    yield* pass(3)
    twins.space.flushQuietly()
    yield* pass(2)
    const { generation } = first.self
    // Another who stands there was put back first.
    found(twins, first)
    yield* appendTo(first.log, line({ id: 1, generation: generationText(generation) }))
    yield* pass(1)
    assert.isAbove(first.self.unsettledMs(), 0)
    assert.deepStrictEqual(decided, [])
    twins.space.commit(commitOf(tag, { generation, changes: [put(memberKey(1))] }))
    yield* pass(1)
    assert.deepStrictEqual(decided, [1])

    twins.space.commit(commitOf(tag, { generation, changes: [{ _tag: "Delete", key: memberKey(1) }] }))
    yield* appendTo(first.log, line({ id: 2, generation: generationText(generation) }))
    yield* pass(10)
    assert.deepStrictEqual(decided, [1, 2], "whoever has gone by then has gone")

    // The space has gone back a little: what was decided is read again, and nobody waits for those of whom it was.
    twins.space.commit(commitOf(tag, { generation, changes: [put(memberKey(2))] }))
    first.self.look("it has gone back")
    yield* reading.goBack(0)
    yield* TestClock.adjust("100 millis")
    yield* settle
    yield* appendTo(first.log, line({ id: 3, text: "other", generation: generationText(generation) }))
    yield* pass(1)
    assert.isAbove(first.self.unsettledMs(), 0)
    assert.deepStrictEqual(decided, [1, 2, 3])
  })
)
