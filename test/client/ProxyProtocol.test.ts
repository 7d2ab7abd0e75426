import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { parseProxyHeader, proxyHeaderBytesMax } from "../../src/client/ProxyProtocol.ts"

const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex")

/** As a proxy makes it: command, family and transport, then addresses and additions. */
function header(command: number, family: number, rest: Uint8Array): Buffer {
  const fixed = Buffer.from([command, family, rest.length >> 8, rest.length & 255])
  return Buffer.concat([signature, fixed, rest])
}

const ipv4 = Buffer.from([192, 0, 2, 7, 127, 0, 0, 1, 0xc0, 0x01, 0x12, 0x5c])
const ipv6 = Buffer.concat([
  Buffer.from("20010db8000000000000000000000007", "hex"),
  Buffer.from("20010db8000000000000000000000001", "hex"),
  Buffer.from([0xc0, 0x01, 0x12, 0x5c])
])
const additions = Buffer.from([0x04, 0, 3, 1, 2, 3, 0x20, 0, 0])

const good = [
  { name: "IPv4", bytes: header(0x21, 0x11, ipv4), source: { address: "192.0.2.7", port: 0xc001 } },
  {
    name: "IPv4 with additions",
    bytes: header(0x21, 0x11, Buffer.concat([ipv4, additions])),
    source: { address: "192.0.2.7", port: 0xc001 }
  },
  { name: "IPv6", bytes: header(0x21, 0x21, ipv6), source: { address: "2001:db8:0:0:0:0:0:7", port: 0xc001 } },
  {
    name: "IPv4 written as IPv6",
    bytes: header(
      0x21,
      0x21,
      Buffer.concat([Buffer.from("00000000000000000000ffffc0000207", "hex"), ipv6.subarray(16)])
    ),
    source: { address: "192.0.2.7", port: 0xc001 }
  },
  { name: "unspecified", bytes: header(0x21, 0x00, additions), source: undefined },
  { name: "a Unix socket", bytes: header(0x21, 0x31, Buffer.alloc(216)), source: undefined },
  { name: "LOCAL", bytes: header(0x20, 0x00, Buffer.alloc(0)), source: undefined },
  { name: "LOCAL with addresses", bytes: header(0x20, 0x11, ipv4), source: undefined }
]

describe("ProxyProtocol", () => {
  it.each(good)("reads $name, whatever follows, split anywhere", ({ bytes, source }) => {
    const whole = Buffer.concat([bytes, Buffer.from('{"id":1}\n')])
    for (let length = 0; length < bytes.length; length++) {
      assert.strictEqual(parseProxyHeader(whole.subarray(0, length)), "MORE", `${length} bytes`)
    }
    for (let length = bytes.length; length <= whole.length; length++) {
      assert.deepStrictEqual(parseProxyHeader(whole.subarray(0, length)), {
        _tag: "Header",
        length: bytes.length,
        source
      })
    }
  })

  it.each([
    ["a line", Buffer.from('{"hello":{}}\n')],
    ["version 1", Buffer.from("PROXY TCP4 192.0.2.7 127.0.0.1 49153 4700\r\n")],
    ["a TLS handshake", Buffer.from([0x16, 3, 1, 2, 0])],
    ["another version", header(0x31, 0x11, ipv4)],
    ["an unknown command", header(0x22, 0x11, ipv4)],
    ["an unknown family", header(0x21, 0x41, ipv4)],
    ["an unknown transport", header(0x21, 0x13, ipv4)],
    ["addresses too short", header(0x21, 0x11, ipv4.subarray(1))],
    ["IPv6 in the room of IPv4", header(0x21, 0x21, ipv4)],
    ["one byte over the bound", header(0x21, 0x11, Buffer.alloc(proxyHeaderBytesMax - 16 + 1))]
  ])("refuses %s", (_name, bytes) => assert.strictEqual(parseProxyHeader(bytes), "REFUSED"))

  it("takes what is at the bound", () => {
    const parsed = parseProxyHeader(header(0x21, 0x11, Buffer.alloc(proxyHeaderBytesMax - 16)))
    assert.isTrue(typeof parsed === "object" && parsed.length === proxyHeaderBytesMax)
  })

  it("refuses a wrong signature at its first wrong byte", () => {
    for (let at = 0; at < signature.length; at++) {
      const wrong = Buffer.from(signature.subarray(0, at + 1))
      wrong[at] = 0xff
      assert.strictEqual(parseProxyHeader(wrong), "REFUSED")
    }
  })

  const bytes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))
  it.prop("never throws, and never asks for more than the bound", { bytes }, ({ bytes }) => {
    const garbage = Buffer.concat([signature, Buffer.from(bytes), Buffer.alloc(proxyHeaderBytesMax)])
    assert.notStrictEqual(parseProxyHeader(garbage), "MORE")
    parseProxyHeader(Buffer.from(bytes))
  })
})
