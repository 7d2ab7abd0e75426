/**
 * What an audience was last told: of each member in which cell it is shown, and what it keeps of each cell. It finds
 * them; what is told, and when that is now, is the audience's.
 */
import type { Cell, Member, Sight } from "./Member.ts"
import { Patch } from "./Patch.ts"

export class Sights {
  private readonly kind: "fast" | "slow"
  private readonly patches: Array<Patch> = []

  constructor(kind: "fast" | "slow") {
    this.kind = kind
  }

  /** Not by name: what is looked up by one of two names takes as long as what may have any. */
  of(member: Member): Sight {
    return this.kind === "fast" ? member.fast : member.slow
  }

  patchOf(cell: Cell): Patch {
    const known = this.patches[cell.serial]
    if (known !== undefined) return known
    // Cells are counted as they are made, and all of them get a patch in that order.
    while (this.patches.length <= cell.serial) this.patches.push(new Patch())
    return this.patches[cell.serial] ?? new Patch()
  }
}
