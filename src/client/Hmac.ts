/**
 * HMAC-SHA256 (RFC 2104): one key, many texts. SHA-256 is Node's, in one call for each of the two hashes: its own Hmac is a
 * stream, made anew for each text, and those of a hello took twice as long (docs/performance.md). Whoever compares two MACs
 * does so in constant time.
 */
import { type BinaryToTextEncoding, hash } from "node:crypto"

/** What SHA-256 takes at once, and what it gives (FIPS 180-4). */
const blockBytes = 64
const hashBytes = 32

export class Hmac {
  /** The key for the inner hash, and room for the text after it. It grows to the longest, which is a part of a line. */
  #inner = Buffer.alloc(blockBytes + 256)
  /** The key for the outer hash, and room for the inner one after it. */
  readonly #outer = Buffer.alloc(blockBytes + hashBytes)

  constructor(key: Uint8Array) {
    const short = key.length > blockBytes ? hash("sha256", key, "buffer") : key
    for (let at = 0; at < blockBytes; at++) {
      this.#inner[at] = (short[at] ?? 0) ^ 0x36
      this.#outer[at] = (short[at] ?? 0) ^ 0x5c
    }
  }

  of(text: string, encoding: BinaryToTextEncoding): string {
    const end = blockBytes + this.#write(text)
    this.#outer.write(hash("sha256", this.#inner.subarray(0, end), "binary"), blockBytes, "binary")
    return hash("sha256", this.#outer, encoding)
  }

  /** How many bytes it has in UTF-8. */
  #write(text: string): number {
    const bytesMax = text.length * 3
    if (blockBytes + bytesMax > this.#inner.length) {
      this.#inner = Buffer.concat([this.#inner.subarray(0, blockBytes)], blockBytes + bytesMax)
    }
    return this.#inner.write(text, blockBytes)
  }
}
