/**
 * What an audience was last told: of each member in which cell it is shown, and what it keeps of each cell. It finds
 * them; what is told, and when that is now, is the audience's.
 */
import { type Cell, type Member, Patch, type Sight } from "./Member.ts"

export class Sights {
  private readonly kind: "fast" | "slow"

  constructor(kind: "fast" | "slow") {
    this.kind = kind
  }

  /** Not by name: what is looked up by one of two names takes as long as what may have any. */
  of(member: Member): Sight {
    return this.kind === "fast" ? member.fast : member.slow
  }

  patchOf(cell: Cell): Patch {
    const known = this.kind === "fast" ? cell.fast : cell.slow
    if (known !== undefined) return known
    const patch = new Patch()
    if (this.kind === "fast") cell.fast = patch
    else cell.slow = patch
    return patch
  }
}
