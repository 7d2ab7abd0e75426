/**
 * How many file descriptors this process may have (`ulimit -n`): each phone takes one. Node has raised its soft limit to
 * the hard one when it started.
 */
import { readFileSync } from "node:fs"

/** For what is no phone: the servers, whoever asks over HTTP, and sockets that are being refused. */
export const fileDescriptorsSpare = 256

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
