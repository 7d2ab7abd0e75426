/** What a member of a group can tell by its heartbeats: whether what it was assigned last is still its own. */
import { assert, it } from "@effect/vitest"
import { Membership } from "../../../src/link/kafka/KafkaJs.ts"

const first = { groupGenerationId: 1 }
const second = { groupGenerationId: 2 }

it("holds what it was assigned for as long as the group is of that generation", () => {
  const membership = new Membership()
  for (const generation of [first, second]) {
    membership.joined()
    assert.isTrue(membership.holds(generation))
    assert.isTrue(membership.holds(generation))
    membership.revoked()
  }
})

it("holds nothing where it counts as a member and was told of no partitions since it had to join anew", () => {
  const membership = new Membership()
  membership.joined()
  assert.isTrue(membership.holds(first))
  membership.revoked()
  assert.isFalse(membership.holds(first), "the coordinator knows it still")
  assert.isFalse(membership.holds(second), "it has joined, and was not told of its share")
})

it("nor where the group has gone on without saying that it must join anew", () => {
  const membership = new Membership()
  membership.joined()
  assert.isTrue(membership.holds(first))
  assert.isFalse(membership.holds(second))
})
