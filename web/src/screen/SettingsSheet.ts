/** How one likes the page: language, look, size of letters, motion, sound; and the way out. Owns this sheet. */
import { coatOf, kinds } from "../art/Kinds.ts"
import type { Preferences } from "../Preferences.ts"
import type { Words } from "../Words.ts"
import { make, textButton } from "./Dom.ts"
import type { Portraits } from "./Portraits.ts"
import type { SheetContent } from "./Sheet.ts"

export interface SettingsEvents {
  readonly changed: (change: Partial<Preferences>) => void
  readonly leave: () => void
}

export function settingsSheet(
  words: Words,
  preferences: Preferences,
  member: number,
  portraits: Portraits,
  events: SettingsEvents
): SheetContent {
  const body = make(
    "div",
    { class: "settings" },
    choice(
      words.avatar,
      "kind",
      kinds,
      preferences.kind,
      (kind) => {
        const picture = portraits.of(kind, coatOf(member), 52)
        return [picture, make("span", { class: "small" }, words.kind[kind])]
      },
      (kind) => events.changed({ kind })
    ),
    choice(
      words.language,
      "tongue",
      ["ko", "en"] as const,
      preferences.tongue,
      (tongue) => [make("span", { lang: tongue }, tongue === "ko" ? "한국어" : "English")],
      (tongue) => events.changed({ tongue })
    ),
    choice(
      words.textSize,
      "text-size",
      [0, 1, 2],
      preferences.textSize,
      (size) => [words.sizes[size] ?? ""],
      (textSize) => events.changed({ textSize })
    ),
    flip(words.lessMotion, preferences.lessMotion, (lessMotion) => events.changed({ lessMotion })),
    flip(words.sound, preferences.sound, (sound) => events.changed({ sound })),
    flip(words.sharp, preferences.sharp, (sharp) => events.changed({ sharp })),
    make("h3", {}, words.keys),
    make("p", { class: "keys" }, words.keysWalk),
    make("p", { class: "keys" }, words.keysTalk),
    make("p", { class: "keys" }, words.keysSheets),
    textButton(words.leave, events.leave, "button quiet")
  )
  return { title: words.settings, body }
}

// --- internal ---

function choice<A extends string | number>(
  label: string,
  name: string,
  values: ReadonlyArray<A>,
  chosen: A,
  show: (value: A) => ReadonlyArray<Node | string>,
  choose: (value: A) => void
): HTMLElement {
  const options = values.map((value) => {
    const input = make("input", { type: "radio", name, value: String(value), checked: value === chosen })
    input.addEventListener("change", () => choose(value))
    return make("label", { class: "option" }, input, make("span", { class: "face" }, ...show(value)))
  })
  return make("fieldset", { class: `choice choice-${name}` }, make("legend", {}, label), make("div", {}, ...options))
}

function flip(label: string, isOn: boolean, changed: (isOn: boolean) => void): HTMLElement {
  const input = make("input", { type: "checkbox", checked: isOn, aria: { role: "switch" } })
  input.addEventListener("change", () => changed(input.checked))
  return make("label", { class: "flip" }, make("span", {}, label), input)
}
