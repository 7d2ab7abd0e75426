/**
 * Reads from many sockets in one call, every few milliseconds. Waking for one line of one phone, and again two milliseconds
 * later for the next, is most of what ten thousand phones cost that hardly say anything; in a round all lines that came
 * meanwhile share it. Owns the memory that native/receive.c reads into, and when it is called; who is read like
 * this and who by Node is BareSocket's.
 */
import { addon } from "./Addon.ts"
import { turn } from "./Turn.ts"

/** As native/receive.c says. */
interface Native {
  readonly open: () => number
  readonly watch: (set: number, descriptor: number) => boolean
  readonly forget: (set: number, descriptor: number) => boolean
  readonly receive: (set: number, memory: Uint8Array, descriptors: Int32Array, lengths: Int32Array) => number
}

/** Whom something is received for. */
export interface Receiver {
  /**
   * To be done with the bytes, or to have copied them, when it returns. Also just after it was forgotten: what was read in the
   * same round is given.
   */
  readonly received: (bytes: Buffer) => void
  /** It is read in rounds no longer: its socket has ended or failed. */
  readonly left: () => void
}

/**
 * From one round to the next, where few say something: a tick is five times as long. Each round wakes an idle process, and
 * with twice as many of them ten thousand phones that only ping cost a seventh more.
 */
const restMs = 20
/** The same where somebody has come: a hello does not wait, and ten of them are done sooner together. */
const newRestMs = 1
/** The same after a round that was worth it: so many phones had said something. Where so many have come, one is begun at once. */
const busyRestMs = 4
export const worthIt = 16
/** So many are read before what else has come is looked at; the next round follows at once. */
export const atOnceMax = 256
/** So many are heard, and then those among them are answered who are to be: 256 hellos take as long as a tick's third. */
export const heardMax = 16
const memoryBytes = 1024 * 1024

export class ReceiveRounds {
  private readonly native: Native | undefined
  private readonly set: number
  private readonly memory = Buffer.allocUnsafeSlow(memoryBytes)
  private readonly descriptors = new Int32Array(atOnceMax)
  private readonly lengths = new Int32Array(atOnceMax)
  private readonly receivers = new Map<number, Receiver>()
  /** Of this round, who has not been given what was read yet. */
  private readonly speakers: Array<Receiver | undefined> = []
  private timer: NodeJS.Timeout | undefined
  private immediate: NodeJS.Immediate | undefined
  /** So many were not there in the last round. */
  private newcomers = 0

  constructor(native: Native | undefined) {
    this.native = native
    this.set = native?.open() ?? -1
  }

  /** False: the addon was not built, and Node reads. */
  get isThere(): boolean {
    return this.native !== undefined
  }

  /** From here on it is received from. False: it is not, and Node has to read it. */
  watch(descriptor: number, receiver: Receiver): boolean {
    if (this.native?.watch(this.set, descriptor) !== true) return false
    this.receivers.set(descriptor, receiver)
    this.newcomers++
    if (this.newcomers === 1) {
      clearTimeout(this.timer)
      this.wait(newRestMs)
    } else if (this.newcomers === worthIt) this.roundAtOnce()
    return true
  }

  /** To be called before it is closed: the next socket may have its number. */
  forget(descriptor: number): void {
    if (this.receivers.delete(descriptor)) this.native?.forget(this.set, descriptor)
  }

  private wait(ms: number): void {
    this.timer = setTimeout(this.round, ms)
  }

  private roundAtOnce(): void {
    this.immediate ??= setImmediate(this.atOnce)
  }

  private readonly atOnce = (): void => {
    this.immediate = undefined
    // Whoever came since the last round may have had one begun: one follows from another, and there is one at a time.
    clearTimeout(this.timer)
    this.round()
  }

  /** Where its timer has come, that is not cleared: it would be looked for in Node's lists, a hundred times a second. */
  private readonly round = (): void => {
    const hadMany = this.newcomers >= worthIt
    this.newcomers = 0
    const count = this.native?.receive(this.set, this.memory, this.descriptors, this.lengths) ?? 0
    // Before anything is given, so that it goes on whatever becomes of that.
    if (count === atOnceMax) this.roundAtOnce()
    // Some of many who have come say their first word only now.
    else if (this.receivers.size > 0) this.wait(hadMany ? newRestMs : count < worthIt ? restMs : busyRestMs)
    // All of them first: what one says may have another leave, and what was read of that one is read nowhere else.
    for (let index = 0; index < count; index++) {
      this.speakers[index] = this.receivers.get(this.descriptors[index] ?? -1)
    }
    let start = 0
    for (let index = 0; index < count; index++) {
      const end = start + (this.lengths[index] ?? 0)
      this.give(index, start, end)
      start = end
      if (index % heardMax === heardMax - 1) turn.end()
    }
  }

  private give(index: number, start: number, end: number): void {
    const receiver = this.speakers[index]
    this.speakers[index] = undefined
    if (end > start) receiver?.received(this.memory.subarray(start, end))
    else this.end(this.descriptors[index] ?? -1, receiver)
  }

  /** Whoever has left meanwhile finds out for itself. */
  private end(descriptor: number, receiver: Receiver | undefined): void {
    if (receiver === undefined || this.receivers.get(descriptor) !== receiver) return
    this.forget(descriptor)
    receiver.left()
  }
}

const isNative = (value: unknown): value is Native =>
  typeof value === "object" && value !== null && "receive" in value && typeof value.receive === "function"

const native = addon("receive")

/** The sockets are the process's, and so is this. */
export const receiveRounds = new ReceiveRounds(isNative(native) ? native : undefined)
