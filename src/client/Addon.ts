/**
 * What is C of the server (native/), built at install where there is a compiler for it (scripts/build-native.mjs). Owns how
 * it is found; what each can do, and what is done without it, is of those who call it.
 */
import { createRequire } from "node:module"

/** Undefined: it was not built, or not for this kernel. */
export function addon(name: "send" | "receive" | "accept"): unknown {
  try {
    return createRequire(import.meta.url)(`../../native/build/${name}.node`)
  } catch {
    return undefined
  }
}
