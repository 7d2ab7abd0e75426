/** Which kinds of avatars this page draws, and their furs. Another kind asked for is drawn as one of these. */

export const kinds = ["fox", "cat", "bear", "otter", "rabbit", "dog", "frog", "chick"] as const
export type Kind = (typeof kinds)[number]

export type Side = "front" | "side" | "back"

export interface Fur {
  readonly fur: string
  readonly pale: string
  readonly dark: string
}

export const furs: Readonly<Record<Kind, Fur>> = {
  fox: { fur: "#ee8b4a", pale: "#fff1df", dark: "#6b4636" },
  cat: { fur: "#8f8a99", pale: "#f4f0f2", dark: "#625c6d" },
  bear: { fur: "#a9744f", pale: "#ecd0a9", dark: "#6f4730" },
  otter: { fur: "#8a6a55", pale: "#ecd9c3", dark: "#5c4437" },
  rabbit: { fur: "#fbf3ea", pale: "#ffffff", dark: "#e0bfb4" },
  dog: { fur: "#e9c48d", pale: "#fff5e3", dark: "#a87445" },
  frog: { fur: "#82bf62", pale: "#e5f3c8", dark: "#558f45" },
  chick: { fur: "#ffdb6e", pale: "#fff0b5", dark: "#f2a541" }
}

/** The kind to draw for what a member says it is; what is not known is chosen by the member's number. */
export function kindOf(avatar: string, member: number): Kind {
  return kinds.find((kind) => kind === avatar) ?? kinds[member % kinds.length] ?? "fox"
}

/** What members wear, by their number. */
const coats: ReadonlyArray<number> = [
  0xf2786d, 0x6fb7e0, 0xf6c344, 0x7cc08a, 0xb18ae0, 0xf59a56, 0x5fb9b3, 0xf08bb1, 0x8ea2e8, 0xa8c65a, 0xd98b6a, 0x7b93ad
]

/** The coat of a member: neighbours in number are far apart in colour. */
export const coatOf = (member: number): number => coats[(member * 5) % coats.length] ?? 0xf2786d
