import { assert, describe, it } from "@effect/vitest"
import { Meter } from "../../src/telemetry/Meter.ts"
import { dispatched, meter as noriter } from "../../src/telemetry/Metrics.ts"

describe("Meter", () => {
  it("prints the Prometheus text format", () => {
    const meter = new Meter()
    const lines = meter.counters("x_lines_total", "Lines, by key", "key")
    lines.of("say").count += 2
    lines.of('odd "\\\n').count++
    meter.gauge("x_open", "Open").value = -1.5
    const seconds = meter.histogram("x_seconds", "Time", [0.1, 1])
    for (const value of [0.1, 0.5, 7]) seconds.observe(value)
    assert.deepStrictEqual(meter.print().split("\n"), [
      "# HELP x_lines_total Lines, by key",
      "# TYPE x_lines_total counter",
      'x_lines_total{key="say"} 2',
      'x_lines_total{key="odd \\"\\\\\\n"} 1',
      "# HELP x_open Open",
      "# TYPE x_open gauge",
      "x_open -1.5",
      "# HELP x_seconds Time",
      "# TYPE x_seconds histogram",
      'x_seconds_bucket{le="0.1"} 1',
      'x_seconds_bucket{le="1"} 2',
      'x_seconds_bucket{le="+Inf"} 3',
      "x_seconds_sum 7.6",
      "x_seconds_count 3",
      ""
    ])
  })

  it("gives the same figure for the same values", () => {
    const family = new Meter().counters("x_total", "X", "a", "b")
    assert.strictEqual(family.of("1", "2"), family.of("1", "2"))
    assert.notStrictEqual(family.of("1", "2"), family.of("2", "1"))
  })

  it("keeps at most 256 figures of a name, and counts the rest together", () => {
    const meter = new Meter()
    const family = meter.counters("x_total", "X", "a")
    for (let i = 0; i < 256; i++) family.of(`${i}`).count++
    assert.notInclude(meter.print(), "other")
    for (let i = 256; i < 300; i++) family.of(`${i}`).count++
    assert.include(meter.print(), 'x_total{a="other"} 44')
  })

  it("refuses a name twice", () => {
    const meter = new Meter()
    meter.counter("x_total", "X")
    assert.throws(() => meter.counter("x_total", "X"))
  })

  it("asks for figures that are known only then, until the hook is taken away", () => {
    const meter = new Meter()
    const gauge = meter.gauge("x", "X")
    const forget = meter.onPrint(() => gauge.value++)
    assert.include(meter.print(), "x 1")
    forget()
    assert.include(meter.print(), "x 1")
  })
})

describe("Metrics", () => {
  it("name their unit, begin with noriter_ and have no ids for labels", () => {
    dispatched("CLIENT", "noriter.client.v1.SayRequest").count++
    const types = noriter.print().match(/^# TYPE .*$/gm) ?? []
    assert.isAbove(types.length, 10)
    for (const type of types) {
      const [, , name = "", kind] = type.split(" ")
      assert.match(name, /^noriter_[a-z_]+$/)
      if (kind === "counter") assert.match(name, /_total$/)
      if (kind === "histogram") assert.match(name, /_(seconds|bytes)$/)
    }
    assert.notMatch(noriter.print(), /(session|guest|member|address)="/)
  })
})
