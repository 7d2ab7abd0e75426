/**
 * What one phone of a channel hides, and what it is told instead of what the others of its cell are: the same, but for those
 * it hides. Who they are, and since when, is Hiding's to say.
 */
import type { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import type { Bytes } from "./Bytes.ts"
import { writeMoved } from "./Describe.ts"
import { type Cell, isNear, type Member, type Patch } from "./Member.ts"
import type { Sights } from "./Sights.ts"

export class Hides {
  readonly guests: ReadonlySet<string>
  /** Who of them is in the channel, and who was, until everybody was told that they went. */
  readonly members = new Set<Member>()

  constructor(guests: ReadonlySet<string>) {
    this.guests = guests
  }

  /** Whether what is told around a cell may be about any of them. */
  isNear(cell: Cell | undefined, sights: Sights): boolean {
    for (const member of this.members) {
      if (isNear(sights.of(member).cell, cell) || isNear(member.shown, cell)) return true
    }
    return false
  }

  /** Whether any of these was said by one of them. */
  isIn(lines: ReadonlyArray<{ readonly told: LineTold }>): boolean {
    return lines.some(({ told }) => this.guests.has(told.guest))
  }

  /** Whether what moved and was shown in a cell may be about any of them. */
  touches(patch: Patch, sights: Sights): boolean {
    for (const member of this.members) {
      const { shown } = member
      if (shown === undefined || sights.patchOf(shown) !== patch) continue
      if (sights.of(member).dirty || patch.signals.length > 0) return true
    }
    return false
  }

  /** What moved and was shown in a cell, but for them. */
  writeFrame(out: Bytes, { movers, signals }: Patch): void {
    writeMoved(
      out,
      movers.filter((member) => !this.members.has(member))
    )
    for (const { member, line } of signals) if (!this.members.has(member)) out.copy(line)
  }
}
