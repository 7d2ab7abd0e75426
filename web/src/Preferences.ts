/**
 * What this device keeps from visit to visit: who one is, and how one likes the page. Owns the browser's store; a store
 * that is closed or holds something else is as good as empty.
 */
import { type Kind, kinds } from "./art/Kinds.ts"
import type { Tongue } from "./Words.ts"

export interface Preferences {
  readonly deviceSecret: string
  readonly nickname: string
  readonly kind: Kind
  readonly tongue: Tongue
  readonly lessMotion: boolean
  /** 0, 1 or 2: as it is, larger, larger still. */
  readonly textSize: number
  readonly sound: boolean
  /** Drawn as finely as the screen can, however slow this device is. */
  readonly sharp: boolean
}

const storeKey = "noriter"
/** How much larger letters are. */
export const textSizes = [1, 1.2, 1.45] as const

export function readPreferences(newSecret: () => string): Preferences {
  const kept = readStore()
  const text = (key: string) => (typeof kept[key] === "string" ? kept[key] : "")
  const flag = (key: string, otherwise: boolean) => (typeof kept[key] === "boolean" ? kept[key] : otherwise)
  const size = Number(kept.textSize)
  return {
    deviceSecret: isSecret(text("deviceSecret")) ? text("deviceSecret") : newSecret(),
    nickname: text("nickname"),
    kind: kinds.find((kind) => kind === text("kind")) ?? kinds[Math.floor(Math.random() * kinds.length)] ?? "fox",
    tongue: text("tongue") === "ko" || text("tongue") === "en" ? readTongue(text("tongue")) : browserTongue(),
    lessMotion: flag("lessMotion", matchMedia("(prefers-reduced-motion: reduce)").matches),
    textSize: size in textSizes ? size : 0,
    sound: flag("sound", false),
    sharp: flag("sharp", false)
  }
}

export function keepPreferences(preferences: Preferences): void {
  // Another window may have been here first: a device is one guest.
  const { deviceSecret: kept } = readStore()
  const deviceSecret = typeof kept === "string" && isSecret(kept) ? kept : preferences.deviceSecret
  try {
    localStorage.setItem(storeKey, JSON.stringify({ ...preferences, deviceSecret }))
  } catch {
    // A browser that keeps nothing, in a private window say: then one is somebody new at the next visit.
  }
}

// --- internal ---

/** As the server has it (design, Limits). */
const isSecret = (text: string): boolean => /^[\x21-\x7e]{16,128}$/.test(text)
const readTongue = (text: string): Tongue => (text === "ko" ? "ko" : "en")
const browserTongue = (): Tongue => (navigator.language.startsWith("ko") ? "ko" : "en")

function readStore(): Readonly<Record<string, unknown>> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(storeKey) ?? "{}")
    return typeof kept === "object" && kept !== null ? { ...kept } : {}
  } catch {
    return {}
  }
}
