/** A view has the cells that somebody needs, and few others, however far people walk and however many have gone. */
import { assert, it } from "@effect/vitest"
import { GoneReason } from "../../../gen/noriter/client/v1/playground.ts"
import { View } from "../../../src/plaza/playground/View.ts"
import { enter, put } from "./Standing.ts"

const sizeCm = 1_000_000
const cellCm = 1_000

const viewOf = (): View =>
  new View({
    tag: "park/1",
    incarnation: "r1",
    epoch: "1.1",
    widthCm: sizeCm,
    heightCm: sizeCm,
    cellCm,
    cellShownMax: 32
  })

it("lets go of where somebody has walked", () => {
  const view = viewOf()
  const phone = enter(view, 1, 0, 0)
  put(view, 2, 0, 0)
  let most = 0
  for (let tick = 1; tick <= 20_000; tick++) {
    const place = { xCm: (tick * cellCm) % sizeCm, yCm: 3 * cellCm * Math.floor((tick * cellCm) / sizeCm) }
    view.moved(1, place.xCm, place.yCm)
    view.tick(tick)
    most = Math.max(most, view.grid.size)
  }
  assert.isAtMost(most, 1_024 + 9)
  view.moved(1, 0, 0)
  view.tick(30_000)
  assert.deepStrictEqual([...phone.known.keys()], [2], "and finds whom it has left")
})

it("lets go of where a crowd has stood", () => {
  const view = viewOf()
  enter(view, 1, 0, 0)
  for (let member = 2; member < 1_000; member++) put(view, member, member * cellCm, member * cellCm)
  view.tick(0)
  for (let member = 2; member < 1_000; member++) {
    view.memberChanged(member, 1_000 + member, undefined, GoneReason.GONE_REASON_LEFT)
  }
  view.tick(59_999)
  assert.isAbove(view.grid.size, 1_000)
  view.tick(60_000)
  assert.strictEqual(view.grid.size, 4, "those around the corner where one stands")
})

it("keeps nothing of what phones were told at a tick", () => {
  const view = viewOf()
  enter(view, 1, 0, 0)
  put(view, 2, 0, 0)
  view.tick(0)
  const cell = view.grid.cellAt(0, 0)
  for (let tick = 1; tick <= 3; tick++) {
    view.moved(2, tick, 0)
    view.tick(tick * 100)
    assert.isAbove(cell.fast?.chunkMs ?? 0, 0)
    assert.deepStrictEqual([cell.fast?.chunk, cell.fast?.places], [undefined, undefined])
  }
})
