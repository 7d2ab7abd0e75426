/** A few words for making elements. Owns nothing. */

type Child = Node | string | undefined

/** An element with properties and children: `make("button", { type: "button" }, "Send")`. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> & {
    readonly class?: string
    readonly aria?: Record<string, string>
  } = {},
  ...children: ReadonlyArray<Child>
): HTMLElementTagNameMap[K] {
  const { class: className, aria, ...rest } = properties
  const element = Object.assign(document.createElement(tag), rest)
  if (className !== undefined) element.className = className
  for (const [name, value] of Object.entries(aria ?? {})) element.setAttribute(name, value)
  for (const child of children) if (child !== undefined) element.append(child)
  return element
}

export type IconName = "chat" | "people" | "map" | "gear" | "send" | "smile" | "close" | "flower" | "walk" | "whisper"

/** A line drawing that takes the colour of the letters around it. */
export function icon(name: IconName): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg"
  const svg = document.createElementNS(space, "svg")
  svg.setAttribute("viewBox", "0 0 24 24")
  svg.setAttribute("aria-hidden", "true")
  svg.classList.add("icon")
  const path = document.createElementNS(space, "path")
  path.setAttribute("d", icons[name])
  svg.append(path)
  return svg
}

export function iconButton(name: IconName, label: string, press: () => void): HTMLButtonElement {
  const button = make(
    "button",
    { type: "button", class: "round", title: label, aria: { "aria-label": label } },
    icon(name)
  )
  button.addEventListener("click", press)
  return button
}

export function textButton(label: string, press: () => void, className = "button"): HTMLButtonElement {
  const button = make("button", { type: "button", class: className }, label)
  button.addEventListener("click", press)
  return button
}

// --- internal ---

const icons: Readonly<Record<IconName, string>> = {
  chat: "M4 5.5h16a1.5 1.5 0 0 1 1.5 1.5v8.5A1.5 1.5 0 0 1 20 17h-8l-4.5 3.5V17H4a1.5 1.5 0 0 1-1.5-1.5V7A1.5 1.5 0 0 1 4 5.5ZM7.5 9.5h9M7.5 13h6",
  people:
    "M9 11a3.4 3.4 0 1 0 0-6.8A3.4 3.4 0 0 0 9 11ZM2.5 19.5c.4-3.6 3-5.6 6.5-5.6s6.100 2 6.500 5.600M16 5a3 3 0 0 1 0 5.800M18 14.200c2 .8 3.200 2.500 3.500 5.300",
  map: "M12 21s6.500-6 6.500-11a6.500 6.500 0 0 0-13 0c0 5 6.500 11 6.500 11ZM12 12.300a2.400 2.400 0 1 0 0-4.800 2.400 2.400 0 0 0 0 4.800Z",
  gear: "M12 15.200a3.200 3.200 0 1 0 0-6.400 3.200 3.200 0 0 0 0 6.400ZM12 2.800v2.400M12 18.800v2.400M2.800 12h2.400M18.800 12h2.400M5.500 5.500l1.700 1.700M16.800 16.800l1.700 1.700M18.500 5.500l-1.700 1.700M7.200 16.800l-1.700 1.700",
  send: "M4 11.500 20 4l-5 16-4-6.500-7-2ZM11 13.500 20 4",
  smile:
    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8.200 14c1 1.600 2.300 2.300 3.800 2.300s2.800-.7 3.800-2.300M8.800 9.300v.7M15.200 9.300v.7",
  close: "M6 6l12 12M18 6 6 18",
  flower:
    "M12 13.800a2.300 2.300 0 1 0 0-4.600 2.300 2.300 0 0 0 0 4.600ZM12 9.200c-2.500-2-2-5.700 0-5.700s2.500 3.700 0 5.700ZM12 13.800c2.500 2 2 5.700 0 5.700s-2.500-3.700 0-5.700ZM9.700 11.500c-2 2.500-5.700 2-5.700 0s3.700-2.500 5.700 0ZM14.300 11.500c2-2.500 5.700-2 5.700 0s-3.700 2.500-5.700 0Z",
  walk: "M13 4.500h.01M9 21l2.500-6L9 12.500l1-5 3 1.500 1.500 2.500 2.500 1M13.500 14.500 15 21M7 11l1-3",
  whisper:
    "M5 10.500V8a7 7 0 0 1 14 0v2.500M5 10.500h3v6H5.500A1.500 1.500 0 0 1 4 15v-3a1.500 1.500 0 0 1 1-1.500ZM19 10.500h-3v6h2.500A1.500 1.500 0 0 0 20 15v-3a1.500 1.500 0 0 0-1-1.500Z"
}
