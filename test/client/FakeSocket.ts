/** A socket whose kernel buffer has the room that a test gives it: what does not fit waits, as in a real one. */
import type { Transport } from "../../src/client/Connection.ts"

export class FakeSocket implements Transport {
  /** Each write as it was given. */
  readonly writes: Array<Uint8Array> = []
  /** What else was done to it, in order. */
  readonly calls: Array<"pause" | "resume" | "end" | "destroy"> = []
  /** Called as a real one emits `drain`. */
  onDrain: () => void = () => {}
  writableLength = 0
  writableNeedDrain = false
  bytesWritten = 0
  /** As a WebSocket does with the head of a frame. */
  addedToEach = 0
  private room: number

  constructor(room = Number.POSITIVE_INFINITY) {
    this.room = room
  }

  /** All that was written. */
  get text(): string {
    return Buffer.concat(this.writes).toString()
  }

  write(chunk: Uint8Array): boolean {
    this.writes.push(chunk)
    const bytes = chunk.length + this.addedToEach
    this.bytesWritten += bytes
    const taken = Math.min(this.room, bytes)
    this.room -= taken
    this.writableLength += bytes - taken
    if (this.writableLength >= 16 * 1024) this.writableNeedDrain = true
    return !this.writableNeedDrain
  }

  /** The phone reads so many bytes. */
  read(bytes: number): void {
    const taken = Math.min(bytes, this.writableLength)
    this.writableLength -= taken
    this.room += bytes - taken
    if (this.writableLength > 0 || !this.writableNeedDrain) return
    this.writableNeedDrain = false
    this.onDrain()
  }

  pause(): void {
    this.calls.push("pause")
  }

  resume(): void {
    this.calls.push("resume")
  }

  end(): void {
    this.calls.push("end")
  }

  destroy(): void {
    this.calls.push("destroy")
  }
}
