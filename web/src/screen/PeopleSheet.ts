/** Who is in view as a list, and one person's card. Owns both sheets; what is done to a person is done elsewhere. */
import { coatOf, kindOf } from "../art/Kinds.ts"
import type { Person } from "../crowd/Crowd.ts"
import type { Words } from "../Words.ts"
import { icon, make, textButton } from "./Dom.ts"
import type { Portraits } from "./Portraits.ts"
import type { SheetContent } from "./Sheet.ts"

export interface PersonEvents {
  readonly open: (person: Person) => void
  readonly whisper: (person: Person) => void
  readonly give: (person: Person) => void
  readonly walkTo: (person: Person) => void
}

const listedMax = 60

/** `people` come with how far away they are, the nearest first. */
export function peopleSheet(
  words: Words,
  people: ReadonlyArray<readonly [person: Person, farCm: number]>,
  portraits: Portraits,
  events: PersonEvents
): SheetContent {
  const rows = people.slice(0, listedMax).map(([person, farCm]) => {
    const far = make("span", { class: "far" }, words.metres(Math.round(farCm / 100)))
    const name = make("span", { class: "who" }, person.nickname)
    const row = make("button", { type: "button", class: "person-row" }, face(person, portraits, 40), name, far)
    row.addEventListener("click", () => events.open(person))
    return make("li", {}, row)
  })
  const body = make("div", { class: "people" })
  if (rows.length === 0) body.append(make("p", { class: "empty" }, words.nobody))
  else body.append(make("ul", {}, ...rows))
  return { title: `${words.people} ${people.length}`, body }
}

/** `flowers` is how many this guest could give; undefined while nobody knows. */
export function personCard(
  words: Words,
  person: Person,
  flowers: number | undefined,
  portraits: Portraits,
  events: PersonEvents
): SheetContent {
  const action = (name: "whisper" | "flower" | "walk", label: string, press: () => void) => {
    const button = textButton("", press, "button action")
    button.append(icon(name), label)
    return button
  }
  const give = action("flower", words.give, () => events.give(person))
  give.disabled = flowers === 0
  const whisper = action("whisper", words.whisper, () => events.whisper(person))
  const left = flowers === undefined ? "" : flowers === 0 ? words.noFlowers : words.pouch(flowers)
  const body = make(
    "div",
    { class: "card" },
    face(person, portraits, 112),
    make("p", { class: "kind" }, words.kind[kindOf(person.avatar, person.member)]),
    whisper,
    give,
    action("walk", words.walkTo, () => events.walkTo(person)),
    make("p", { class: "pouch" }, left)
  )
  return { title: person.nickname, body, focus: whisper }
}

// --- internal ---

function face(person: Person, portraits: Portraits, size: number): HTMLElement {
  return portraits.of(kindOf(person.avatar, person.member), coatOf(person.member), size)
}
