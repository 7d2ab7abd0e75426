/**
 * What a simulated plaza must have come to when everything works again and nothing is under way: nobody is a ghost and
 * nobody is missing, everybody sees who is there, has heard what was said, and has what was given (design 6).
 */
import { PresenceState } from "../../../gen/noriter/space/v1/records.ts"
import { countOf, pouchKey, readPouch } from "../../../src/plaza/social/Pouch.ts"
import { isShown } from "../../../src/space/PresenceState.ts"
import { isChannel } from "../../../src/space/Tag.ts"
import { membersIn, sessionIn, wrongs as wrongsOfPresence } from "../../space/Members.ts"
import type { City } from "./City.ts"
import type { Device } from "./Device.ts"
import { daisies, Ledger } from "./Ledger.ts"

const channels = ["park/1", "yard/1"]

/** What is wrong, and may yet become right: empty when everything has come to rest. */
export const unsettled = (city: City, devices: ReadonlyArray<Device>): ReadonlyArray<string> => {
  const guests = devices.map(({ guest }) => guest).filter((guest) => guest !== "")
  return [
    ...wrongsOfPresence(city, channels, guests),
    ...ghosts(city, devices),
    ...devices.flatMap((device) => missing(city, device)),
    ...devices.flatMap(({ name, heard }) => heard.compare(city.space, true).map((wrong) => `${name} ${wrong}`)),
    ...pouches(city, devices)
  ]
}

/** What was never to happen, whatever becomes of it. */
export const broken = (city: City, devices: ReadonlyArray<Device>, isFlushed: boolean): ReadonlyArray<string> => [
  ...new Set([
    ...city.space.wrongs,
    ...city.errors,
    ...devices.flatMap(({ name, wrongs, heard, requests }) =>
      [...wrongs, ...heard.wrongs, ...requests.wrongs].map((wrong) => `${name}: ${wrong}`)
    ),
    ...(isFlushed ? [] : devices.flatMap((device) => [...device.requests.forgotten, ...promises(city, device)])),
    ...saidTwice(city),
    ...devices.flatMap(({ name, heard }) => heard.compare(city.space, false).map((wrong) => `${name} ${wrong}`))
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
  const { name, guest, place, wants, view, requests } = device
  const is = place?.tag.split("/")[0] ?? ""
  if (!device.isGreeted) return [`${name} is not connected`]
  if (is !== wants) return [`${name} wants to be in "${wants}", and is in "${is}"`]
  const session = sessionIn(city, guest)
  const seen = [...view].sort(byNumber).join(" ")
  const there = place === undefined ? [] : membersIn(city, place.tag)
  const others = there.filter(({ member, state }) => isShown(state) && member !== place?.member)
  const must = others
    .map(({ member }) => member)
    .sort(byNumber)
    .join(" ")
  return [
    ...(session?.state === PresenceState.PRESENCE_STATE_PRESENT ? [] : [`${name}'s session is not present`]),
    ...(place === undefined || there.some(({ member }) => member === place.member) ? [] : [`${name} is missing`]),
    ...(place === undefined || seen === must ? [] : [`${name} sees [${seen}], and not [${must}]`]),
    ...requests.open.map(({ text }) => `${text} has no answer`)
  ]
}

const byNumber = (a: number, b: number): number => a - b

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
const promises = (city: City, { name, requests }: Device): ReadonlyArray<string> => {
  const said = new Map(
    [...city.space.lines].flatMap(([history, lines]) => Array.from(lines, ([seq, text]) => [text, { history, seq }]))
  )
  return requests.all.flatMap(({ kind, text, answer, isRefused }) => {
    if (kind === "give") return []
    const line = said.get(text)
    const promised = answer !== undefined && answer.error === undefined
    const isBoth = isRefused && line !== undefined && !city.space.isDecidedAnew(line.history, line.seq)
    if (isBoth) return [`${name}: "${text}" was refused with ${JSON.stringify(answer)}, and heard`]
    return promised && line === undefined ? [`${name}: "${text}" was answered, and never said`] : []
  })
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
