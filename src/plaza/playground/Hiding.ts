/**
 * Whom single phones of a channel are not shown: guests that they hide, wherever these stand and under whichever number.
 * Most phones hide nobody, have nothing of this, and share what is told in their cell; one that hides somebody near it is
 * told a frame of its own. Why somebody is hidden is not known here.
 */
import type { Audience } from "./Audience.ts"
import { Hides } from "./Hides.ts"
import type { Member } from "./Member.ts"
import type { Viewer } from "./Viewer.ts"

export class Hiding {
  private readonly viewers = new Set<Viewer>()
  private readonly audienceOf: (viewer: Viewer) => Audience

  constructor(audienceOf: (viewer: Viewer) => Audience) {
    this.audienceOf = audienceOf
  }

  /** From here on a phone hides these guests, and no others, also those whose going is not told yet. */
  change(viewer: Viewer, guests: ReadonlySet<string> | undefined, members: Iterable<Member>): void {
    const before = viewer.hides
    const hides = guests === undefined ? undefined : new Hides(guests)
    if (hides === undefined) this.viewers.delete(viewer)
    else this.viewers.add(viewer)
    if (before === undefined && hides === undefined) return
    const audience = this.audienceOf(viewer)
    viewer.hides = hides
    for (const member of before?.members ?? []) {
      if (hides?.guests.has(member.guest) === true) hides.members.add(member)
      else audience.unhidden(viewer, member)
    }
    if (hides === undefined) return
    for (const some of [members, audience.leaving]) {
      for (const member of some) {
        if (hides.members.has(member) || !hides.guests.has(member.guest)) continue
        hides.members.add(member)
        audience.hidden(viewer, member)
      }
    }
  }

  /** It has become known, or is another, which guest a member is. */
  met(member: Member): void {
    for (const viewer of this.viewers) {
      const { hides } = viewer
      if (hides === undefined) continue
      const [was, is] = [hides.members.has(member), hides.guests.has(member.guest)]
      if (is === was) continue
      if (was) {
        hides.members.delete(member)
        this.audienceOf(viewer).unhidden(viewer, member)
      } else {
        for (const former of hides.members) if (isForgotten(former)) hides.members.delete(former)
        hides.members.add(member)
        this.audienceOf(viewer).hidden(viewer, member)
      }
    }
  }

  left(viewer: Viewer): void {
    this.viewers.delete(viewer)
  }
}

/** Gone, and everybody was told so: it never comes back as this one. */
const isForgotten = ({ recorded, held, fast, slow }: Member): boolean =>
  !recorded && !held && fast.cell === undefined && slow.cell === undefined
