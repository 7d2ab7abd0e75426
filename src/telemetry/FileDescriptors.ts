/**
 * How many file descriptors this process may have (`ulimit -n`), and who may take them: each phone takes one, and whoever
 * asks over HTTP. Node has raised its soft limit to the hard one when it started.
 */
import { readFileSync } from "node:fs"

/** For the servers, and twice for the sockets that are being refused at a door. */
const spare = 320

/** Sockets that are no phones, where there are descriptors enough: they are short-lived. */
const httpSocketsMax = 2048

/** So many there should be for so many phones. */
export const fileDescriptorsFor = (phones: number): number => phones + httpSocketsMax + spare

/** Who comes over HTTP takes none of those that phones are promised. */
export function fileDescriptorShares(): { readonly phones: number; readonly http: number } {
  const most = fileDescriptorsMax()
  const http = Math.min(httpSocketsMax, Math.ceil(most / 8))
  return { phones: Math.max(1, most - http - spare), http }
}

/** Infinity where there is no limit, or none that can be read: only Linux says. */
export function fileDescriptorsMax(): number {
  const soft = /^Max open files\s+(\d+)/m.exec(limits())?.[1]
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
}

function limits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8")
  } catch {
    return ""
  }
}
