/**
 * Runs many seeds at once, each in one of as many processes as there are cores. Seeds are handed out in order and one at
 * a time, so that the lowest that goes wrong is the same as if they had run one after another. What a seed is, and what
 * is wrong with it, is for Simulation to say.
 */
import { type ChildProcess, fork } from "node:child_process"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"

/** For fewer each it is not worth to start another process. */
const seedsMin = 16

const hand = fileURLToPath(new URL("Hand.ts", import.meta.url))

/** How many processes run so many seeds, at most so many. */
export const handsFor = (count: number, handsMax: number = availableParallelism()): number =>
  Math.max(1, Math.min(handsMax, Math.floor(count / seedsMin)))

/** The lowest of these seeds that goes wrong; undefined: none does. `onDone` is told how many were run. */
export const lowestWrong = async (
  first: number,
  count: number,
  hands: number = handsFor(count),
  onDone: (done: number) => void = () => {}
): Promise<number | undefined> => {
  let next = first
  let lowest = Number.POSITIVE_INFINITY
  let done = 0
  const take = (): number | undefined => (next < Math.min(lowest, first + count) ? next++ : undefined)
  const came = (seed: number, isWell: boolean): void => {
    if (!isWell) lowest = Math.min(lowest, seed)
    onDone(++done)
  }
  await Promise.all(Array.from({ length: hands }, () => work(fork(hand), take, came)))
  return Number.isFinite(lowest) ? lowest : undefined
}

/** Until there are no more seeds. A process that ends over a seed has found it wrong. */
const work = (
  child: ChildProcess,
  take: () => number | undefined,
  came: (seed: number, isWell: boolean) => void
): Promise<void> =>
  new Promise((resolve) => {
    let seed: number | undefined
    const give = (): void => {
      seed = take()
      if (seed === undefined) child.disconnect()
      else child.send(seed)
    }
    child.on("message", (isWell) => {
      if (seed !== undefined) came(seed, isWell === true)
      give()
    })
    child.once("exit", () => {
      if (seed !== undefined) came(seed, false)
      resolve()
    })
    give()
  })
