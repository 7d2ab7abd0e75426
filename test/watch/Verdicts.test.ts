/** Who is dead (rule P7): roster and lease together, by a watcher that saw well all the while. */
import { assert, describe, it } from "@effect/vitest"
import type { Incarnation } from "../../src/link/Roster.ts"
import { blindMs, type Look, lookMsMax, nodelessMsMax, Verdicts } from "../../src/watch/Verdicts.ts"

const leaseMs = 3_000
const lookMs = 500
const incarnation = (id: string): Incarnation => ({ id, runner: "r", epoch: { era: 1, node: 1 } })

/** Looks every half second; what is to be seen may be changed between two. */
class Scene {
  readonly verdicts = new Verdicts(leaseMs)
  nowMs = 1_000_000
  wallMs = 0
  generation = { era: 1, n: 1 }
  ids: ReadonlyArray<string> = ["r-1", "r-2"]
  living: ReadonlySet<string> = new Set(["r-1", "r-2"])
  readonly leases = new Map([
    ["r-1", 1],
    ["r-2", 1]
  ])
  /** Whose leases are refreshed. */
  refreshed: ReadonlyArray<string> = ["r-1", "r-2"]

  look() {
    const { nowMs, wallMs, generation, living } = this
    for (const id of this.refreshed) this.leases.set(id, (this.leases.get(id) ?? 0) + 1)
    const look: Look = {
      nowMs,
      wallMs,
      generation,
      enrolled: this.ids.map(incarnation),
      living,
      leases: new Map(this.leases)
    }
    return this.verdicts.look(look)
  }

  /** Looks for so long; ids that were called dead at the last look, and when the first was. */
  pass(ms: number) {
    let firstMs: number | undefined
    let dead: ReadonlyArray<string> = []
    const beganMs = this.nowMs
    for (; this.nowMs - beganMs < ms; this.nowMs += lookMs) {
      dead = this.look().dead.map(({ incarnation: { id } }) => id)
      if (dead.length > 0) firstMs ??= this.nowMs - beganMs
    }
    return { dead, firstMs }
  }

  /** r-1 is no more: nobody refreshes its lease, and its node goes with its session. */
  kill(): void {
    this.refreshed = ["r-2"]
    this.living = new Set(["r-2"])
  }
}

/** A watcher that has looked long enough to judge. */
const sighted = () => {
  const scene = new Scene()
  assert.deepStrictEqual(scene.pass(blindMs + leaseMs).dead, [])
  return scene
}

describe("a runner is dead", () => {
  it("without node and lease, to the look", () => {
    const scene = sighted()
    scene.kill()
    const { dead, firstMs } = scene.pass(10_000)
    assert.deepStrictEqual(dead, ["r-1"])
    assert.strictEqual(firstMs, leaseMs - lookMs)
  })

  it("and died when its lease was last seen to change", () => {
    const scene = sighted()
    scene.kill()
    const lastMs = scene.nowMs - lookMs
    scene.pass(10_000)
    scene.wallMs = 5_000_000
    assert.strictEqual(scene.look().dead[0]?.diedMs, scene.wallMs - (scene.nowMs - lastMs))
  })

  it("that never had a lease, when that has been so for three seconds", () => {
    const scene = sighted()
    scene.ids = ["r-1", "r-2", "r-3"]
    assert.strictEqual(scene.pass(10_000).firstMs, leaseMs)
  })
})

describe("a runner is not dead", () => {
  const living: Readonly<Record<string, (scene: Scene) => void>> = {
    "whose node is there": (scene) => {
      scene.refreshed = ["r-2"]
    },
    "whose lease is kept": (scene) => {
      scene.living = new Set(["r-2"])
    },
    "that is not enrolled": (scene) => {
      scene.ids = ["r-2"]
      scene.kill()
    }
  }
  it.each(Object.entries(living))("%s", (_, change) => {
    const scene = sighted()
    change(scene)
    assert.deepStrictEqual(scene.pass(120_000).dead, [])
  })
})

describe("no verdict is given", () => {
  it("in the first six seconds", () => {
    const scene = new Scene()
    scene.kill()
    assert.strictEqual(scene.pass(10_000).firstMs, blindMs)
  })

  const blinding: Readonly<Record<string, (scene: Scene) => void>> = {
    "that something could not be read": (scene) => scene.verdicts.blinded(scene.nowMs),
    "the watcher was frozen": (scene) => {
      scene.nowMs += lookMsMax + 1
    },
    "a new generation": (scene) => {
      scene.generation = { era: 1, n: 2 }
    }
  }
  it.each(Object.entries(blinding))("for six seconds after %s", (_, happen) => {
    const scene = sighted()
    scene.kill()
    scene.pass(leaseMs - lookMs)
    happen(scene)
    const { firstMs } = scene.pass(10_000)
    assert.strictEqual(firstMs, blindMs)
  })

  it("not even by the pause that is allowed between two looks", () => {
    const scene = sighted()
    scene.kill()
    scene.look()
    scene.nowMs += lookMsMax
    assert.deepStrictEqual(scene.look().dead, [])
    scene.nowMs += leaseMs - lookMsMax
    assert.lengthOf(scene.look().dead, 1)
  })
})

describe("an operator is told", () => {
  it("of a node that is missing for over a minute while the lease is kept", () => {
    const scene = sighted()
    scene.living = new Set(["r-2"])
    scene.pass(nodelessMsMax + lookMs)
    assert.deepStrictEqual(scene.verdicts.isGone("r-1"), false)
    assert.lengthOf(scene.look().nodeless, 1)
    scene.living = new Set(["r-1", "r-2"])
    assert.lengthOf(scene.look().nodeless, 0)
  })

  it("and not before", () => {
    const scene = sighted()
    scene.living = new Set(["r-2"])
    scene.pass(nodelessMsMax)
    assert.lengthOf(scene.look().nodeless, 0)
  })
})

describe("isGone", () => {
  it("says what speaks for a life: roster or lease; for a stranger only the roster", () => {
    const scene = sighted()
    assert.isFalse(scene.verdicts.isGone("r-1"))
    assert.isTrue(scene.verdicts.isGone("r-9"))
    scene.living = new Set(["r-1", "r-2", "r-9"])
    scene.look()
    assert.isFalse(scene.verdicts.isGone("r-9"))
    scene.kill()
    scene.pass(leaseMs + lookMs)
    assert.isTrue(scene.verdicts.isGone("r-1"))
  })
})
