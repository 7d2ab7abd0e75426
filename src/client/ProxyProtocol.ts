/**
 * The PROXY protocol, version 2: what a proxy in front of us says of where a socket comes from, as its first bytes.
 * Owns reading those bytes; whom to believe, and for how long to wait, is the listener's.
 */

export interface ProxyHeader {
  readonly _tag: "Header"
  /** How many bytes it was; what follows is the phone's. */
  readonly length: number
  /** Undefined where the proxy speaks for itself (LOCAL, a health check) or does not know. */
  readonly source: { readonly address: string; readonly port: number } | undefined
}

export type ProxyParsed = ProxyHeader | "MORE" | "REFUSED"

const signature = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1")
const fixedLength = 16

/** With its additions (TLVs), which are skipped. Proxies send some tens of bytes. */
export const proxyHeaderBytesMax = 1024

const local = 0x20
const proxied = 0x21
const familyUnspecified = 0
const familyIpv4 = 1
const familyIpv6 = 2
const familyUnix = 3

/** Reads the header from all that came until now. Garbage is refused at its first wrong byte. */
export function parseProxyHeader(bytes: Buffer): ProxyParsed {
  const known = Math.min(bytes.length, signature.length)
  if (bytes.compare(signature, 0, known, 0, known) !== 0) return "REFUSED"
  const command = bytes[12]
  if (command === undefined) return "MORE"
  if (command !== local && command !== proxied) return "REFUSED"
  const transport = bytes[13]
  if (transport === undefined) return "MORE"
  const family = transport >> 4
  if (family > familyUnix || (transport & 15) > 2) return "REFUSED"
  if (bytes.length < fixedLength) return "MORE"
  const length = fixedLength + bytes.readUInt16BE(14)
  if (length > proxyHeaderBytesMax || length < fixedLength + addressLength(command, family)) return "REFUSED"
  if (bytes.length < length) return "MORE"
  return { _tag: "Header", length, source: command === local ? undefined : sourceOf(bytes, family) }
}

function addressLength(command: number, family: number): number {
  if (command === local || family === familyUnspecified) return 0
  if (family === familyIpv4) return 12
  return family === familyIpv6 ? 36 : 216
}

function sourceOf(bytes: Buffer, family: number): ProxyHeader["source"] {
  if (family === familyIpv4) {
    const address = bytes.subarray(fixedLength, fixedLength + 4).join(".")
    return { address, port: bytes.readUInt16BE(fixedLength + 8) }
  }
  if (family === familyIpv6) {
    return {
      address: ipv6Of(bytes.subarray(fixedLength, fixedLength + 16)),
      port: bytes.readUInt16BE(fixedLength + 32)
    }
  }
  return undefined
}

/** What begins so is IPv4, which a proxy that listens for both writes like this; as IPv6 all of it would be one network. */
const mapped = Buffer.from("00000000000000000000ffff", "hex")

function ipv6Of(bytes: Buffer): string {
  if (bytes.compare(mapped, 0, mapped.length, 0, mapped.length) === 0) return bytes.subarray(mapped.length).join(".")
  const groups: Array<string> = []
  for (let at = 0; at < bytes.length; at += 2) groups.push(bytes.readUInt16BE(at).toString(16))
  return groups.join(":")
}
