/**
 * A buffer that is written again and again, so that a tick makes no string per member: digits and prepared bytes go
 * straight into it. What phones get is the part that was written, and the rest is written next. Owns no protocol.
 */
const zero = 48

/** So much is kept for as long as a phone keeps a part of it. */
const pageBytes = 16 * 1024

export class Bytes {
  length = 0
  private page = Buffer.allocUnsafeSlow(pageBytes)
  /** Where on the page what is written begins: what lies before it was taken. */
  private start = 0

  clear(): void {
    this.length = 0
  }

  /** Text of ASCII characters only; a loop, because a call out of JavaScript takes longer than such short texts. */
  ascii(text: string): void {
    const at = this.reserve(text.length)
    const { page } = this
    for (let index = 0; index < text.length; index++) page[at + index] = text.charCodeAt(index)
  }

  copy(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length)
    this.page.set(bytes, at)
  }

  /** A part of another one. */
  part(from: Bytes, start: number, end: number): void {
    const at = this.reserve(end - start)
    from.page.copy(this.page, at, from.start + start, from.start + end)
  }

  byte(value: number): void {
    const at = this.reserve(1)
    this.page[at] = value
  }

  /** A whole number from 0 to 2^31 - 1. */
  digits(value: number): void {
    let count = 1
    for (let ten = 10; ten <= value; ten *= 10) count++
    let end = this.reserve(count) + count
    const { page } = this
    let rest = value
    do {
      const tenth = (rest / 10) | 0
      page[--end] = zero + rest - tenth * 10
      rest = tenth
    } while (rest > 0)
  }

  /** What was written, which nobody writes to again: sockets keep it for as long as they need. */
  take(): Uint8Array {
    const end = this.start + this.length
    const taken = this.page.subarray(this.start, end)
    this.start = end
    this.length = 0
    return taken
  }

  /** Room for so many more; answers where they go. */
  private reserve(count: number): number {
    const at = this.start + this.length
    if (at + count > this.page.length) return this.turn(count)
    this.length += count
    return at
  }

  /** What was written of what is not yet taken goes to the next page. */
  private turn(count: number): number {
    const { page, start, length } = this
    this.page = Buffer.allocUnsafeSlow(Math.max(pageBytes, (length + count) * 2))
    page.copy(this.page, 0, start, start + length)
    this.start = 0
    this.length = length + count
    return length
  }
}
