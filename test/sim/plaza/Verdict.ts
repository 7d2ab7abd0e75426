/**
 * What a simulated plaza must have come to when everything works again and nothing is under way: nobody is a ghost and
 * nobody is missing, everybody sees who is there, has heard what was said, and has what was given (design 6).
 */
import { PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import { blocksKey, readBlocks } from "../../../src/plaza/social/Blocks.ts"
import { countOf, pouchKey, readPouch } from "../../../src/plaza/social/Pouch.ts"
import { isShown } from "../../../src/space/PresenceState.ts"
import { isChannel } from "../../../src/space/Tag.ts"
import { membersIn, sessionIn, wrongs as wrongsOfPresence } from "../../space/Members.ts"
import { type City, cellCm, cellsIn, channels, shownMax } from "./City.ts"
import type { Device } from "./Device.ts"
import { daisies, Ledger } from "./Ledger.ts"
import type { Point } from "./Sight.ts"
import type { Line } from "./Truth.ts"

/** What is wrong, and may yet become right: empty when everything has come to rest. */
export const unsettled = (city: City, devices: ReadonlyArray<Device>): ReadonlyArray<string> => {
  const guests = devices.map(({ guest }) => guest).filter((guest) => guest !== "")
  return [
    ...wrongsOfPresence(city, channels, guests),
    ...ghosts(city, devices),
    ...devices.flatMap((device) => missing(city, device)),
    ...devices.flatMap((device) => unseen(city, device, devices)),
    ...compared(city, devices, true),
    ...pouches(city, devices),
    ...blocks(city, devices)
  ]
}

/** What was never to happen, whatever becomes of it. */
export const broken = (city: City, devices: ReadonlyArray<Device>, isFlushed: boolean): ReadonlyArray<string> => [
  ...new Set([
    ...city.space.wrongs,
    ...city.errors,
    ...devices.flatMap(({ name, wrongs, sight, heard, requests }) =>
      [...wrongs, ...sight.wrongs, ...heard.wrongs, ...requests.wrongs].map((wrong) => `${name}: ${wrong}`)
    ),
    ...(isFlushed ? [] : devices.flatMap((device) => promises(city, device))),
    ...saidTwice(city),
    ...compared(city, devices, false)
  ])
]

// --- Who is there ---

const ghosts = (city: City, devices: ReadonlyArray<Device>): ReadonlyArray<string> => {
  const living = new Set(city.ensemble.living().map(({ id }) => id))
  const enrolled = [...city.space.snapshot("incarnations", "", "").entries.keys()]
  const standing = new Set(devices.map(({ place }) => place && `${place.tag}/${place.member}`))
  const members = channels.flatMap((tag) => membersIn(city, tag))
  return [
    ...enrolled.filter((id) => !living.has(id)).map((id) => `${id} is still enrolled`),
    ...members
      .filter(({ tag, member }) => !standing.has(`${tag}/${member}`))
      .map(({ tag, member }) => `${tag}/${member} is a ghost`),
    ...members
      .filter(({ owner }) => !living.has(owner?.incarnation ?? ""))
      .map(({ tag, member }) => `${tag}/${member} is a dead runner's`)
  ]
}

const missing = (city: City, device: Device): ReadonlyArray<string> => {
  const { name, guest, place, wants, requests } = device
  const is = place?.tag.split("/")[0] ?? ""
  // Whose hello was never answered is not known by a guest's id.
  const session = guest === "" ? undefined : sessionIn(city, guest)
  if (device.hasParted) return session === undefined ? [] : [`${name} has parted, and its session has not`]
  if (!device.isGreeted) return [`${name} is not connected`]
  if (is !== wants) return [`${name} wants to be in "${wants}", and is in "${is}"`]
  const there = place === undefined ? [] : membersIn(city, place.tag)
  return [
    ...(session?.state === PresenceState.PRESENCE_STATE_PRESENT ? [] : [`${name}'s session is not present`]),
    ...(place === undefined || there.some(({ member }) => member === place.member) ? [] : [`${name} is missing`]),
    ...requests.open.map(({ text }) => `${text} has no answer`)
  ]
}

/** Who is around it and not seen, or seen and not there, or elsewhere. */
const unseen = (city: City, { name, guest, place, sight }: Device, devices: ReadonlyArray<Device>) => {
  if (place === undefined || sight.at === undefined) return []
  const { tag } = place
  const hidden = new Set(blocksOf(city, guest).map((block) => block.guest))
  const placeOf = (member: number) =>
    devices.find((one) => one.place?.tag === tag && one.place.member === member)?.sight.at
  const standing = membersIn(city, tag)
    .filter(({ state }) => isShown(state))
    .flatMap((one) => {
      const at = placeOf(one.member)
      return at === undefined ? [] : [{ ...one, at, isTold: one.member !== place.member && !hidden.has(one.guest) }]
    })
  const own = cellOf(sight.at)
  const near = [own - 1, own, own + 1].filter((cell) => cell >= 0 && cell < cellsIn(tag))
  const inView = standing.filter(({ at }) => near.includes(cellOf(at)))
  const strange = [...sight.members.keys()].filter((seen) => !inView.some((one) => one.isTold && one.member === seen))
  return [
    ...strange.map((member) => `${name} sees ${member}, who is not there`),
    ...inView
      .filter(({ member, at }) => !isSame(sight.members.get(member) ?? at, at))
      .map(({ member }) => `${name} sees ${member} elsewhere`),
    ...near.flatMap((cell) => {
      const all = standing.filter(({ at }) => cellOf(at) === cell)
      const told = all.filter(({ isTold }) => isTold)
      const seen = told.filter(({ member }) => sight.members.has(member)).length
      const shown = Math.min(all.length, shownMax)
      const isRight = seen <= shown && seen >= shown - (all.length - told.length)
      const crowded = sight.crowds.get(cell) ?? 0
      return [
        ...(isRight ? [] : [`${name} sees ${seen} of the ${told.length} in cell ${cell}`]),
        ...(crowded === all.length - shown ? [] : [`${name} counts ${crowded} more in cell ${cell}`])
      ]
    })
  ]
}

const cellOf = ({ xCm }: Point): number => Math.floor(xCm / cellCm)
const isSame = (one: Point, other: Point): boolean => one.xCm === other.xCm && one.yCm === other.yCm

// --- Who blocks whom ---

const blocksOf = (city: City, guest: string) =>
  readBlocks(city.space.read({ tag: guest, keys: [blocksKey] }).entries.get(blocksKey)?.value).blocks

/** They are what the facts say. */
const blocks = (city: City, devices: ReadonlyArray<Device>): ReadonlyArray<string> => {
  const ledger = new Ledger(city.broker)
  return devices.flatMap(({ name, guest }) => {
    if (guest === "") return []
    const is = blocksOf(city, guest).map(({ block, guest }) => `${block} ${guest}`)
    const must = Array.from(ledger.blocks.get(guest) ?? [], ([block, other]) => `${block} ${other}`)
    return is.join() === must.join() ? [] : [`${name} blocks [${is}], and not [${must}]`]
  })
}

/** What each has heard. When it blocked somebody nobody can say to the line: theirs may be heard, or not. */
const compared = (city: City, devices: ReadonlyArray<Device>, isOver: boolean): ReadonlyArray<string> => {
  const { blocked } = new Ledger(city.broker)
  return devices.flatMap(({ name, guest, heard }) => {
    const hidden = devices.filter((other) => blocked.get(guest)?.has(other.guest) === true)
    const isNeeded = ({ text }: Line) =>
      !hidden.some((other) => text.startsWith(`${other.name}'s `) || text.endsWith(` from ${other.name}`))
    return heard.compare(city.space, isOver, isNeeded).map((wrong) => `${name} ${wrong}`)
  })
}

// --- What was given ---

const pouches = (city: City, devices: ReadonlyArray<Device>): ReadonlyArray<string> => {
  const { changes } = new Ledger(city.broker)
  const sum = [...changes.values()].reduce((all, change) => all + change, 0)
  const wrong = devices.flatMap(({ name, guest }) => {
    if (guest === "") return []
    const { entries } = city.space.read({ tag: guest, keys: [pouchKey] })
    const is = countOf(readPouch(entries.get(pouchKey)?.value), "daisy")
    const must = daisies + (changes.get(guest) ?? 0)
    return is === must ? [] : [`${name} has ${is} daisies, and not ${must}`]
  })
  return [...wrong, ...(sum === 0 ? [] : [`${sum} daisies too many`])]
}

// --- What was promised ---

/**
 * Answered it has happened, once; refused for good it has not. Unless the space has gone back behind that refusal: who is
 * there is not on the log, so that its record is decided anew by who is there then (rule L11), and may be said.
 */
const promises = (city: City, { name, guest, requests }: Device): ReadonlyArray<string> => {
  const isBlocked = [...new Ledger(city.broker).blocked.values()].some((guests) => guests.has(guest))
  const said = new Map(
    [...city.space.lines].flatMap(([history, lines]) => Array.from(lines, ([seq, text]) => [text, { history, seq }]))
  )
  const forgotten = city.space.forgotten.has(guest) ? [] : requests.forgotten
  const broken = requests.all.flatMap(({ kind, text, answer, isRefused }) => {
    // Whoever is blocked learns nothing of it: a whisper is answered, and is not there.
    if (kind !== "say" && (kind !== "whisper" || isBlocked)) return []
    const line = said.get(text)
    const promised = answer !== undefined && answer.error === undefined
    const isBoth = isRefused && line !== undefined && !city.space.isDecidedAnew(line.history, line.seq)
    if (isBoth) return [`${name}: "${text}" was refused with ${JSON.stringify(answer)}, and heard`]
    return promised && line === undefined ? [`${name}: "${text}" was answered, and never said`] : []
  })
  return [...forgotten, ...broken]
}

/** Nothing is said twice, and no gift given twice. */
const saidTwice = (city: City): ReadonlyArray<string> => {
  const texts = [...city.space.lines].flatMap(([history, lines]) =>
    [...lines.values()].map((text) => ({ history, text }))
  )
  const asked = texts.filter(({ text }) => text.includes("'s "))
  // What lasts is rebuilt from the facts in a new generation, and so stands in each of its histories.
  const place = ({ history, text }: { readonly history: string; readonly text: string }) =>
    `${isChannel(history.slice(history.indexOf(" ") + 1)) ? "" : history} ${text}`
  const places = asked.map(place)
  const twice = asked.filter((_, at) => places.indexOf(places[at] ?? "") !== at)
  const { given } = new Ledger(city.broker)
  return [
    ...twice.map(({ history, text }) => `${history}: "${text}" was said twice`),
    ...[...given].filter(([, times]) => times > 1).map(([gift, times]) => `gift ${gift} was given ${times} times`)
  ]
}
