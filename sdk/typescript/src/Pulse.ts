/** The one timer that all plazas of a process share, however many they are, and the one listener to the network's changes. */

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

// --- internal ---

const tickMs = 100

const tickAll = (): void => {
  const now = Date.now()
  for (const one of pulsed) one.tick(now)
}

/** Adding the same listener again changes nothing, so it is never taken away. */
const tellOnline = (): void => {
  for (const one of pulsed) one.networkChanged()
}
