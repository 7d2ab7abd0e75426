/**
 * Who is in view, as the server tells it: members with their names, looks and places, and how many more stand unseen in
 * crowded cells. Owns this picture of the channel; draws nothing and asks nobody.
 */
import { Walker } from "./Walker.ts"

export interface Person {
  readonly member: number
  readonly nickname: string
  readonly avatar: string
  readonly walker: Walker
}

export interface Sighting {
  readonly member: number
  readonly nickname: string
  readonly avatar: string
  readonly xCm: number
  readonly yCm: number
}

export class Crowd {
  readonly people = new Map<number, Person>()
  /** By cell, how many more stand there than are shown. */
  readonly unseen = new Map<number, number>()
  /** Rises whenever somebody comes or goes. */
  version = 0

  /** A new place: nobody of before is here. */
  clear(): void {
    this.people.clear()
    this.unseen.clear()
    this.version++
  }

  appeared(sighting: Sighting): Person {
    const known = this.people.get(sighting.member)
    const walker = known?.walker ?? new Walker(sighting.xCm, sighting.yCm)
    if (known !== undefined) walker.place(sighting.xCm, sighting.yCm)
    const { member, nickname, avatar } = sighting
    const person = { member, nickname, avatar, walker }
    this.people.set(member, person)
    this.version++
    return person
  }

  /** This phone's own member, whose steps are taken here. */
  join(person: Person): void {
    this.people.set(person.member, person)
    this.version++
  }

  disappeared(member: number): void {
    if (this.people.delete(member)) this.version++
  }

  moved(member: number, xCm: number, yCm: number, nowMs: number): void {
    this.people.get(member)?.walker.goTo(xCm, yCm, nowMs)
  }

  crowded(cell: number, count: number): void {
    if (count > 0) this.unseen.set(cell, count)
    else this.unseen.delete(cell)
  }

  /** The others in view and how far they stand from one of them, the nearest first. */
  around(member: number): ReadonlyArray<readonly [person: Person, farCm: number]> {
    const self = this.people.get(member)?.walker
    if (self === undefined) return []
    return [...this.people.values()]
      .filter((person) => person.member !== member)
      .map((person) => [person, Math.hypot(person.walker.xCm - self.xCm, person.walker.yCm - self.yCm)] as const)
      .sort(([, one], [, other]) => one - other)
  }
}
