/**
 * The one timer that all plazas of a process share, however many they are, the one listener to the network's changes, and
 * the one clock.
 */

interface Pulsed {
  readonly tick: (now: number) => void
  readonly networkChanged: () => void
}

const pulsed = new Set<Pulsed>()
let timer: ReturnType<typeof setInterval> | undefined

/** Ticks until it is removed. */
export const add = (one: Pulsed): void => {
  pulsed.add(one)
  if (timer !== undefined) return
  timer = setInterval(tickAll, tickMs)
  const page: object = globalThis
  if ("addEventListener" in page && typeof page.addEventListener === "function") {
    page.addEventListener("online", tellOnline)
  }
}

export const remove = (one: Pulsed): void => {
  pulsed.delete(one)
  if (pulsed.size > 0) return
  clearInterval(timer)
  timer = undefined
}

let clockMs = 0
let setBackMs = 0

/**
 * Milliseconds that only rise. A device's clock may be set back, by an hour or a year, and what is due must not wait for it.
 * One that goes on while the device sleeps is wanted, so that a socket that died meanwhile is known for it at once.
 */
export const now = (): number => {
  const deviceMs = Date.now()
  if (deviceMs < clockMs) setBackMs += clockMs - deviceMs
  clockMs = deviceMs
  return deviceMs + setBackMs
}

// --- internal ---

const tickMs = 100

const tickAll = (): void => {
  for (const one of pulsed) one.tick(now())
}

/** Adding the same listener again changes nothing, so it is never taken away. */
const tellOnline = (): void => {
  for (const one of pulsed) one.networkChanged()
}
