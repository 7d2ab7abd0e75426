import { assert, describe, it } from "@effect/vitest"
import { type Plot, svgOf } from "../../bench/harness/Plot.ts"

const plot: Plot = {
  title: `"Phones" < all & none`,
  against: "phones",
  note: "here, now",
  panels: [
    {
      title: "% of a core",
      series: [
        {
          name: "Noriter",
          points: [
            [500, 5],
            [10_000, 92]
          ]
        },
        { name: "another", points: [[500, 40]] }
      ],
      bound: 100
    },
    { title: "p99, ms", series: [{ name: "Noriter", points: [[500, 120]] }] }
  ]
}

describe("a plot", () => {
  it("shows each figure of each contender, and what is not to be passed", () => {
    const svg = svgOf(plot)
    assert.lengthOf([...svg.matchAll(/<circle /g)], 4)
    assert.lengthOf([...svg.matchAll(/stroke-dasharray/g)], 1)
    // The most phones are at the right edge, and the bound at the top of its panel.
    assert.include(svg, `<circle cx="404" cy="68.8"`)
    assert.include(svg, "M56 56H404")
  })

  it("holds any text", () => {
    assert.include(svgOf(plot), "&quot;Phones&quot; &lt; all &amp; none")
  })

  it("is drawn where nothing was borne", () => {
    assert.notInclude(svgOf({ ...plot, panels: [{ title: "nothing", series: [] }] }), "NaN")
  })
})
