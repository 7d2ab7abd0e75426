/**
 * A buffer that is written again and again, so that a tick makes no string per member: digits and prepared bytes go
 * straight into it, and what phones get is one copy of it. Owns no protocol.
 */
const zero = 48

export class Bytes {
  length = 0
  private buffer = Buffer.allocUnsafeSlow(16 * 1024)

  clear(): void {
    this.length = 0
  }

  /** Text of ASCII characters only; a loop, because a call out of JavaScript takes longer than such short texts. */
  ascii(text: string): void {
    this.reserve(text.length)
    const { buffer, length } = this
    for (let index = 0; index < text.length; index++) buffer[length + index] = text.charCodeAt(index)
    this.length = length + text.length
  }

  copy(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.buffer.set(bytes, this.length)
    this.length += bytes.length
  }

  /** A part of another one. */
  part(from: Bytes, start: number, end: number): void {
    this.reserve(end - start)
    from.buffer.copy(this.buffer, this.length, start, end)
    this.length += end - start
  }

  byte(value: number): void {
    this.reserve(1)
    this.buffer[this.length++] = value
  }

  /** A whole number from 0 to 2^31 - 1. */
  digits(value: number): void {
    this.reserve(10)
    const { buffer } = this
    let end = this.length + 1
    for (let ten = 10; ten <= value; ten *= 10) end++
    this.length = end
    let rest = value
    do {
      const tenth = (rest / 10) | 0
      buffer[--end] = zero + rest - tenth * 10
      rest = tenth
    } while (rest > 0)
  }

  /** What was written, as bytes of their own: sockets keep them for as long as they need. */
  take(): Uint8Array {
    const taken = Buffer.allocUnsafe(this.length)
    this.buffer.copy(taken, 0, 0, this.length)
    return taken
  }

  private reserve(count: number): void {
    if (this.length + count <= this.buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.length + count))
    this.buffer.copy(larger, 0, 0, this.length)
    this.buffer = larger
  }
}
