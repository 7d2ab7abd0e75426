/**
 * `noriter doctor rebuild` and `noriter doctor redrive`: what an operator does by hand to what lasts, while runners run or
 * not. Owns what is said of it: a line that changes for people, a line of JSON for each step where nobody looks.
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { EventBus } from "../bus/EventBus.ts"
import { Roster } from "../link/Roster.ts"
import type { TopicLog } from "../link/TopicLog.ts"
import { askedTopics } from "../link/Topics.ts"
import { monotonicMsOf } from "../Monotonic.ts"
import { clusterOf, fromEnv, refusals, Settings } from "../Settings.ts"
import { found } from "../space/Lives.ts"
import { type Progress, rebuild as rebuildAll } from "../space/Rebuild.ts"
import { type Redriven, redrive as redriveAll } from "../space/Redrive.ts"
import { SharedSpace } from "../space/SharedSpace.ts"

/** What is repaired, as App.ts puts it together. */
export type Operator<E> = Layer.Layer<TopicLog | SharedSpace | EventBus | Roster, E, Settings>

/** It cannot be done here, for a reason that an operator can mend. */
class NothingToRepair extends Data.TaggedError("NothingToRepair")<{ readonly message: string }> {}

/** Where lines go, and whether a person looks at them. */
export interface Page {
  readonly isTTY?: boolean
  readonly write: (text: string) => unknown
}

/** Puts together again from the log what lasts. It changes nothing that is there, so it may be done at any time. */
export const rebuild = <E>(operator: Operator<E>, page: Page, variables: Record<string, string | undefined>) =>
  repairing(
    operator,
    variables,
    Effect.gen(function* () {
      // An empty space is founded as a runner would: one that starts goes on in the same generation.
      const generation = yield* found(yield* Roster, yield* SharedSpace)
      const clock = yield* Clock.Clock
      const last = new Map<string, Progress>()
      let saidMs = Number.NEGATIVE_INFINITY
      const say = () => {
        saidMs = monotonicMsOf(clock)
        for (const progress of last.values())
          page.write(page.isTTY === true ? `\r${textOf(progress)}` : `${JSON.stringify(progress)}\n`)
      }
      yield* rebuildAll(generation, (progress) => {
        last.set(progress.topic, progress)
        if (monotonicMsOf(clock) - saidMs >= sayEveryMs) say()
      })
      say()
      page.write(page.isTTY === true ? "\nrebuilt\n" : `${JSON.stringify({ rebuilt: true })}\n`)
    })
  )

/** Appends dead letters anew, of one topic or of all. */
export const redrive = <E>(
  operator: Operator<E>,
  page: Page,
  variables: Record<string, string | undefined>,
  only: string
) =>
  repairing(
    operator,
    variables,
    Effect.gen(function* () {
      if (only !== "" && !askedTopics.includes(only)) {
        return yield* new NothingToRepair({
          message: `${only} has no dead letters; ${askedTopics.join(", ")} may have`
        })
      }
      for (const topic of only === "" ? askedTopics : [only]) {
        let count = 0
        const left = yield* redriveAll(topic, (redriven) => {
          count++
          page.write(page.isTTY === true ? `${letterText(redriven)}\n` : `${JSON.stringify(letterOf(redriven))}\n`)
        })
        const rest = left === 0 ? "" : `; ${left} are left for the next time`
        page.write(
          page.isTTY === true
            ? `${topic}: ${count} redriven${rest}\n`
            : `${JSON.stringify({ topic, redriven: count, left })}\n`
        )
      }
    })
  )

// --- internal ---

const sayEveryMs = 1_000

const repairing = <E, A, F>(
  operator: Operator<E>,
  variables: Record<string, string | undefined>,
  repair: Effect.Effect<A, F, TopicLog | SharedSpace | EventBus | Roster>
) =>
  Effect.gen(function* () {
    const settings = yield* fromEnv(variables)
    const reasons = refusals(settings)
    if (reasons.length > 0) return yield* new NothingToRepair({ message: reasons.join("; ") })
    if (clusterOf(settings) === undefined) {
      return yield* new NothingToRepair({
        message: "one process by itself keeps nothing: name the servers of the runners"
      })
    }
    return yield* Effect.provide(repair, Layer.provide(operator, Layer.succeed(Settings, settings)))
  })

const textOf = ({ topic, facts, applied }: Progress): string => `${topic}: ${facts} facts read, ${applied} were missing`

const letterOf = ({ letter: { key, partitionBy, dead, topic, offset }, position }: Redriven) => ({
  letter: `${topic}/${offset}`,
  key,
  tag: partitionBy,
  reason: dead?.reason ?? "",
  partition: position.partition,
  offset: position.offset
})

const letterText = (redriven: Redriven): string => {
  const { letter, key, tag, reason, partition, offset } = letterOf(redriven)
  return `${letter} ${key} of ${tag} (${reason}) → ${partition}/${offset}`
}
