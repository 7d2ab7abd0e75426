/** HMAC-SHA256: what the RFC's examples say, and what Node's own says. */

import { createHmac } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Hmac } from "../../src/client/Hmac.ts"
import { Random } from "../wire/Messages.ts"

/** RFC 4231, 4.2 to 4.8; the data of each is text. Of the fifth only 128 bits are given. */
const examples: ReadonlyArray<{ readonly key: Buffer; readonly text: string; readonly mac: string }> = [
  {
    key: Buffer.alloc(20, 0x0b),
    text: "Hi There",
    mac: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
  },
  {
    key: Buffer.from("Jefe"),
    text: "what do ya want for nothing?",
    mac: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
  },
  { key: Buffer.alloc(20, 0x0c), text: "Test With Truncation", mac: "a3b6167473100ee06e0c796c2955552b" },
  {
    key: Buffer.alloc(131, 0xaa),
    text: "Test Using Larger Than Block-Size Key - Hash Key First",
    mac: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
  },
  {
    key: Buffer.alloc(131, 0xaa),
    text: "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
    mac: "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
  }
]

const seed = Number(process.env.NORITER_SEED ?? Date.now() % 0xffff_ffff)
const pieces = ["a", "~", "é", "바람", "🙂", "\u0000", "\ud800", " "]

describe("a MAC", () => {
  it("is what RFC 4231 says", () => {
    for (const { key, text, mac } of examples) {
      assert.strictEqual(new Hmac(key).of(text, "hex").slice(0, mac.length), mac, text)
    }
  })

  it(`is what Node's own is, whatever the key and the texts, one after another (NORITER_SEED=${seed})`, () => {
    const random = new Random(seed)
    for (let round = 0; round < 500; round++) {
      const key = Buffer.from(Array.from({ length: random.below(140) }, () => random.below(256)))
      const hmac = new Hmac(key)
      for (const most of [3, 60, 2_000, 60]) {
        const text = random.many(most, () => random.of(pieces)).join("")
        const official = createHmac("sha256", key).update(text).digest("base64url")
        assert.strictEqual(hmac.of(text, "base64url"), official, JSON.stringify([key.toString("hex"), text]))
      }
    }
  })
})
