/**
 * How many sockets one address may have: before their hello, new in a second, in all. Owns the counts, and what a
 * refused phone is told to wait; addresses are kept only while they have sockets or have just had many.
 *
 * An IPv6 address counts by its /64, which is what one household or one phone is given.
 */

/** 0 is off, for each. */
export interface AddressLimits {
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

export interface AddressRefused {
  readonly afterMs: number
  readonly message: string
}

/** What is told to wait where no time is known at which there will be room. */
const pendingAfterMs = 1000
const fullAfterMs = 10_000

export class Admission {
  private readonly limits: AddressLimits
  private readonly now: () => number
  private readonly addresses = new Map<string, Address>()

  constructor(limits: AddressLimits, now: () => number) {
    this.limits = limits
    this.now = now
  }

  /** How many addresses are kept. */
  get size(): number {
    return this.addresses.size
  }

  admit(address: string): Ticket | AddressRefused {
    const key = addressKey(address)
    const known = this.addresses.get(key)
    const counts = known ?? new Address()
    const refused = this.refuse(counts)
    if (refused !== undefined) return refused
    if (known === undefined) this.addresses.set(key, counts)
    counts.open++
    counts.pending++
    return new SocketTicket(counts)
  }

  /** Forgets addresses that are as if they had never been seen. To be called now and then. */
  sweep(): void {
    const now = this.now()
    for (const [key, counts] of this.addresses) {
      if (counts.open === 0 && counts.fullAt <= now) this.addresses.delete(key)
    }
  }

  /** Takes a token where it does not refuse. */
  private refuse(counts: Address): AddressRefused | undefined {
    const { addressMax, addressPendingMax, addressNewPerSecond, addressNewBurst } = this.limits
    if (addressMax > 0 && counts.open >= addressMax) {
      return { afterMs: fullAfterMs, message: "too many sockets from this address" }
    }
    if (addressPendingMax > 0 && counts.pending >= addressPendingMax) {
      return { afterMs: pendingAfterMs, message: "too many sockets from this address that have not said hello" }
    }
    if (addressNewPerSecond === 0) return undefined
    const intervalMs = 1000 / addressNewPerSecond
    const now = this.now()
    const fullAt = Math.max(counts.fullAt, now)
    const afterMs = fullAt - (addressNewBurst - 1) * intervalMs - now
    if (afterMs > 0) return { afterMs: Math.ceil(afterMs), message: "too many new sockets from this address" }
    counts.fullAt = fullAt + intervalMs
    return undefined
  }
}

class Address {
  open = 0
  pending = 0
  /** When its bucket of new sockets is full again, as in Rates. */
  fullAt = 0
}

class SocketTicket implements Ticket {
  private readonly address: Address
  private state: "pending" | "greeted" | "left" = "pending"

  constructor(address: Address) {
    this.address = address
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
  }
}

export const isRefused = (admitted: Ticket | AddressRefused): admitted is AddressRefused => "afterMs" in admitted

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
