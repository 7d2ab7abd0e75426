/**
 * How many sockets there may be: of all addresses together, and of one before their hello, new in a second, in all. Owns
 * the counts, and what a refused phone is told; addresses are kept only while they have sockets or have just had many.
 *
 * An IPv6 address counts by its /64, which is what one household or one phone is given.
 */
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"

/** 0 is off, for each. */
export interface SocketLimits {
  readonly socketsMax: number
  readonly addressPendingMax: number
  readonly addressNewPerSecond: number
  readonly addressNewBurst: number
  readonly addressMax: number
}

/** One socket's place in the counts. */
export interface Ticket {
  /** Its hello was accepted. */
  readonly greeted: () => void
  /** It is closed. */
  readonly left: () => void
}

export interface SocketRefused {
  readonly code: DisconnectCode
  readonly afterMs: number
  readonly message: string
}

/** What is told to wait where no time is known at which there will be room. */
const pendingAfterMs = 1000
const fullAfterMs = 10_000

export class Admission {
  private readonly limits: SocketLimits
  private readonly now: () => number
  private readonly addresses = new Map<string, Address>()
  private open = 0

  constructor(limits: SocketLimits, now: () => number) {
    this.limits = limits
    this.now = now
  }

  /** How many addresses are kept. */
  get size(): number {
    return this.addresses.size
  }

  /** `isMany`: of this address are many phones, so that only the bound of all holds. */
  admit(address: string, isMany = false): Ticket | SocketRefused {
    const key = addressKey(address)
    const known = this.addresses.get(key)
    const counts = known ?? new Address()
    const refused = this.refuse(counts, isMany)
    if (refused !== undefined) return refused
    if (known === undefined) this.addresses.set(key, counts)
    this.open++
    counts.open++
    counts.pending++
    return new SocketTicket(counts, () => this.open--)
  }

  /** Forgets addresses that are as if they had never been seen. To be called now and then. */
  sweep(): void {
    const now = this.now()
    for (const [key, counts] of this.addresses) {
      if (counts.open === 0 && counts.fullAt <= now) this.addresses.delete(key)
    }
  }

  /** Takes a token where it does not refuse. */
  private refuse(counts: Address, isMany: boolean): SocketRefused | undefined {
    const { socketsMax, addressMax, addressPendingMax, addressNewPerSecond, addressNewBurst } = this.limits
    if (socketsMax > 0 && this.open >= socketsMax) {
      return { code: DisconnectCode.DISCONNECT_CODE_FULL, afterMs: fullAfterMs, message: "this runner is full" }
    }
    if (isMany) return undefined
    if (addressMax > 0 && counts.open >= addressMax) {
      return ofAddress(fullAfterMs, "too many sockets from this address")
    }
    if (addressPendingMax > 0 && counts.pending >= addressPendingMax) {
      return ofAddress(pendingAfterMs, "too many sockets from this address that have not said hello")
    }
    if (addressNewPerSecond === 0) return undefined
    const intervalMs = 1000 / addressNewPerSecond
    const now = this.now()
    const fullAt = Math.max(counts.fullAt, now)
    const afterMs = fullAt - (addressNewBurst - 1) * intervalMs - now
    if (afterMs > 0) return ofAddress(Math.ceil(afterMs), "too many new sockets from this address")
    counts.fullAt = fullAt + intervalMs
    return undefined
  }
}

const ofAddress = (afterMs: number, message: string): SocketRefused => ({
  code: DisconnectCode.DISCONNECT_CODE_ADDRESS_LIMIT,
  afterMs,
  message
})

class Address {
  open = 0
  pending = 0
  /** When its bucket of new sockets is full again, as in Rates. */
  fullAt = 0
}

class SocketTicket implements Ticket {
  private readonly address: Address
  private readonly gone: () => void
  private state: "pending" | "greeted" | "left" = "pending"

  constructor(address: Address, gone: () => void) {
    this.address = address
    this.gone = gone
  }

  greeted(): void {
    if (this.state !== "pending") return
    this.state = "greeted"
    this.address.pending--
  }

  left(): void {
    if (this.state === "left") return
    if (this.state === "pending") this.address.pending--
    this.state = "left"
    this.address.open--
    this.gone()
  }
}

export const isRefused = (admitted: Ticket | SocketRefused): admitted is SocketRefused => "afterMs" in admitted

const mapped = /^::ffff:(?=\d+\.)/i

/** An IPv4 address as such, also where it is written as IPv6. */
export const withoutPrefix = (address: string): string => address.replace(mapped, "")

/** Under which name an address is counted: IPv4 as it is, IPv6 by its /64. */
export function addressKey(address: string): string {
  const plain = withoutPrefix(address)
  if (!plain.includes(":")) return plain
  const [head = "", tail] = (plain.split("%", 1)[0] ?? "").toLowerCase().split("::")
  const groups = head === "" ? [] : head.split(":")
  if (tail !== undefined) {
    const after = tail === "" ? [] : tail.split(":")
    while (groups.length + after.length < 8) groups.push("0")
    groups.push(...after)
  }
  const network = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16))
  return `${network.join(":")}::/64`
}
