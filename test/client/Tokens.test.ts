/** Guest ids and resume tokens: the same on every runner with the same key, and nobody else's to make. */
import { assert, describe, it } from "@effect/vitest"
import { makeTokens, newSessionId, type Token, tokenAgeMsMax } from "../../src/client/Tokens.ts"
import { isTag } from "../../src/space/Tag.ts"

const tokens = makeTokens("the first secret, long enough")
const other = makeTokens("another secret, long enough")
const token: Token = { guest: "g_A", session: "s_B", serial: 7, issuedMs: 1_000_000 }

describe("tokens", () => {
  it("say what was signed, on every runner with the same key", () => {
    const text = tokens.sign(token)
    assert.match(text, /^v1\.[\w-]+\.[\w-]+$/)
    assert.deepStrictEqual(makeTokens("the first secret, long enough").read(text, 1_000_001), token)
  })

  it("of another key, or of another version, say nothing", () => {
    const text = tokens.sign(token)
    assert.isUndefined(other.read(text, 1_000_001))
    assert.isUndefined(tokens.read(text.replace("v1.", "v2."), 1_000_001))
    assert.isUndefined(tokens.read(text.slice(3), 1_000_001))
  })

  it("say nothing with any character changed, cut anywhere, or with anything added", () => {
    const text = tokens.sign(token)
    for (let at = 0; at < text.length; at++) {
      for (const character of ["A", "B", "_", "=", ".", " "]) {
        const forged = text.slice(0, at) + character + text.slice(at + 1)
        if (forged !== text) assert.isUndefined(tokens.read(forged, 1_000_001), forged)
      }
      assert.isUndefined(tokens.read(text.slice(0, at), 1_000_001))
    }
    for (const more of ["=", ".", " ", "A", ".x"]) assert.isUndefined(tokens.read(text + more, 1_000_001), more)
    assert.isUndefined(tokens.read("", 0))
  })

  it("of another's session cannot be put together from two", () => {
    const [, body] = tokens.sign({ ...token, guest: "g_B" }).split(".")
    const [, , mac] = tokens.sign(token).split(".")
    assert.isUndefined(tokens.read(`v1.${body}.${mac}`, 1_000_001))
  })

  it("are good for 30 days, and not a millisecond more", () => {
    const text = tokens.sign(token)
    assert.isDefined(tokens.read(text, token.issuedMs + tokenAgeMsMax))
    assert.isUndefined(tokens.read(text, token.issuedMs + tokenAgeMsMax + 1))
  })
})

describe("guest ids", () => {
  it("are stable for a secret, differ with secret and key, and are lawful tags of at most 40 characters", () => {
    const id = tokens.guestOf("b3f0c9a1b3f0c9a1")
    assert.match(id, /^g_[0-9A-HJKMNP-TV-Z]{26}$/)
    assert.strictEqual(makeTokens("the first secret, long enough").guestOf("b3f0c9a1b3f0c9a1"), id)
    assert.notStrictEqual(tokens.guestOf("b3f0c9a1b3f0c9a2"), id)
    assert.notStrictEqual(other.guestOf("b3f0c9a1b3f0c9a1"), id)
    assert.isTrue(isTag(id))
    assert.notInclude(id.toLowerCase(), "b3f0c9")
  })

  it("stay what they are from one release to the next: a phone's guest, and the tokens that phones hold", () => {
    assert.strictEqual(tokens.guestOf("b3f0c9a1b3f0c9a1"), "g_NCBX20189SMF6GP4YQMMDGRGTM")
    assert.strictEqual(tokens.sign(token), "v1.Z19BIHNfQiA3IDEwMDAwMDA.vf6QyICsVjv0plqXvqw36DB2VOMhmnkL8LfoluQg51s")
  })

  it("ten thousand secrets are ten thousand guests", () => {
    const ids = Array.from({ length: 10_000 }, (_, at) => tokens.guestOf(`device secret ${at}`))
    assert.strictEqual(new Set(ids).size, ids.length)
  })
})

describe("session ids", () => {
  it("are in the order of their making, and never twice", () => {
    const ids = Array.from({ length: 1_000 }, (_, at) => newSessionId(1_700_000_000_000 + at))
    assert.deepStrictEqual([...ids].sort(), ids)
    assert.notStrictEqual(newSessionId(5), newSessionId(5))
    for (const id of ids) assert.match(id, /^s_[0-9A-HJKMNP-TV-Z]{26}$/)
  })
})
