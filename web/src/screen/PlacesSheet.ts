/** Playgrounds and their channels to choose from. Owns this sheet; going there is done elsewhere. */
import type { Place, Playground } from "@noriter/client"
import type { Words } from "../Words.ts"
import { make } from "./Dom.ts"
import type { SheetContent } from "./Sheet.ts"

export function placesSheet(
  words: Words,
  playgrounds: ReadonlyArray<Playground>,
  place: Place | undefined,
  choose: (playground: string, channel: number) => void
): SheetContent {
  const body = make("div", { class: "places" })
  for (const { id, name, population, channels } of playgrounds) {
    const rows = channels.map(({ channel, population: count, capacity }) => {
      const isHere = place?.playground === id && place.channel === channel
      const row = make(
        "button",
        { type: "button", class: "place-row", disabled: isHere || count >= capacity },
        make("strong", {}, words.channel(channel)),
        make("span", {}, isHere ? words.youAreHere : words.standing(count, capacity))
      )
      if (isHere) row.setAttribute("aria-current", "true")
      row.addEventListener("click", () => choose(id, channel))
      return make("li", {}, row)
    })
    const any = make("button", { type: "button", class: "place-row" }, make("strong", {}, words.anyChannel))
    any.addEventListener("click", () => choose(id, 0))
    if (place?.playground !== id) rows.unshift(make("li", {}, any))
    body.append(make("h3", {}, `${name} · ${words.peopleHere(population)}`), make("ul", {}, ...rows))
  }
  return { title: words.places, body }
}
