/** What compares lines must find what is wrong with one: a helper that lets everything pass would pass every test. */
import { assert, describe, it } from "@effect/vitest"
import { absentOr, assertLike, matching, text, whole } from "./Shape.ts"

const shape = {
  re: 1,
  hello: { guestId: text(4), token: matching(/^v1\./), seq: absentOr(whole()), list: [whole(0, 9)] }
}
const decent = { re: 1, hello: { guestId: "g_01", token: "v1.a", list: [7] } }
const { hello } = decent

describe("assertLike", () => {
  it("takes what is of the shape", () => {
    assertLike(decent, shape)
    assertLike({ re: 1, hello: { ...hello, seq: 3 } }, shape)
  })

  it.each([
    ["another value", { ...decent, re: 2 }],
    ["a value of another type", { ...decent, re: "1" }],
    ["a missing name", { re: 1 }],
    ["one name more", { ...decent, member: 1 }],
    ["one name more within", { re: 1, hello: { ...hello, member: 1 } }],
    ["a text too long", { re: 1, hello: { ...hello, guestId: "g_012" } }],
    ["a text of another form", { re: 1, hello: { ...hello, token: "v2.a" } }],
    ["a fraction", { re: 1, hello: { ...hello, seq: 1.5 } }],
    ["an item more", { re: 1, hello: { ...hello, list: [7, 8] } }],
    ["an item out of range", { re: 1, hello: { ...hello, list: [10] } }],
    ["nothing", undefined]
  ])("finds %s", (_what, value) => {
    assert.throws(() => assertLike(value, shape))
  })
})
