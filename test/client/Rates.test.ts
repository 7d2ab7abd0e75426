import { assert, describe, it } from "@effect/vitest"
import { clientRoutes } from "../../gen/registry.ts"
import { Rates, RateTable, RefusedCounter } from "../../src/client/Rates.ts"

const table = new RateTable([
  { key: "say", ratePerSecond: 2, rateBurst: 5 },
  { key: "move", ratePerSecond: 10, rateBurst: 20 },
  { key: "free", ratePerSecond: 0, rateBurst: 0 }
])

describe("Rates", () => {
  it("has a burst, and then so many a second", () => {
    const rates = new Rates(table)
    for (let line = 0; line < 5; line++) assert.strictEqual(rates.take("say", 1000), 0)
    assert.strictEqual(rates.take("say", 1000), 500)
    assert.strictEqual(rates.take("say", 1499), 1)
    assert.strictEqual(rates.take("say", 1500), 0)
    assert.strictEqual(rates.take("say", 1500), 500)
    for (let line = 1; line <= 100; line++) assert.strictEqual(rates.take("say", 1500 + line * 500), 0)
    assert.strictEqual(rates.take("say", 1500 + 100 * 500), 500)
  })

  it("is never fuller than its burst", () => {
    const rates = new Rates(table)
    for (let line = 0; line < 20; line++) assert.strictEqual(rates.take("move", 86_400_000), 0)
    assert.strictEqual(rates.take("move", 86_400_000), 100)
  })

  it("keeps keys and sessions apart", () => {
    const [one, other] = [new Rates(table), new Rates(table)]
    for (let line = 0; line < 5; line++) one.take("say", 0)
    assert.isAbove(one.take("say", 0), 0)
    assert.strictEqual(one.take("move", 0), 0)
    assert.strictEqual(other.take("say", 0), 0)
  })

  it("keeps to what it said: after that long there is one", () => {
    const rates = new Rates(new RateTable([{ key: "odd", ratePerSecond: 0.3, rateBurst: 1 }]))
    assert.strictEqual(rates.take("odd", 0.25), 0)
    for (const late of [0.25, 17.125, 1000.5]) {
      const afterMs = rates.take("odd", late)
      assert.isAbove(afterMs, 0)
      assert.isAbove(rates.take("odd", late), 0)
    }
    assert.strictEqual(rates.take("odd", 0.25 + 3334), 0)
  })

  it("bounds no key without a rate", () => {
    const rates = new Rates(table)
    for (let line = 0; line < 1000; line++) {
      assert.strictEqual(rates.take("free", 0), 0)
      assert.strictEqual(rates.take("unknown", 0), 0)
    }
  })

  it("takes the rates of the protocol", () => {
    const rates = new Rates(new RateTable(Object.values(clientRoutes)))
    for (let line = 0; line < 5; line++) assert.strictEqual(rates.take("noriter.client.v1.SayRequest", 0), 0)
    assert.strictEqual(rates.take("noriter.client.v1.SayRequest", 0), 500)
  })
})

describe("RefusedCounter", () => {
  it("is too many one past the bound, within a minute", () => {
    const refused = new RefusedCounter(30)
    for (let line = 0; line < 30; line++) assert.isFalse(refused.add(1000 + line))
    assert.isTrue(refused.add(60_999))
  })

  it("begins anew after a minute", () => {
    const refused = new RefusedCounter(30)
    for (let line = 0; line < 30; line++) assert.isFalse(refused.add(1000))
    for (let line = 0; line < 30; line++) assert.isFalse(refused.add(61_000))
    assert.isTrue(refused.add(61_000))
  })

  it("never is when it is off", () => {
    const refused = new RefusedCounter(0)
    for (let line = 0; line < 1000; line++) assert.isFalse(refused.add(0))
  })
})
