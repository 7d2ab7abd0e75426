/** A shared space whose commits are counted and timed, whichever it is underneath. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { commitSeconds, commits, commitsFenced, tellFrames } from "../telemetry/Metrics.ts"
import { SharedSpace } from "./SharedSpace.ts"

const applied = commits.of("applied")
const refused = commits.of("refused")
const failed = commits.of("failed")
const told = tellFrames.of("out")

export const layer = Layer.effect(
  SharedSpace,
  Effect.map(SharedSpace, (space) =>
    SharedSpace.of({
      ...space,
      commit: (commit) =>
        Effect.suspend(() => {
          const began = performance.now()
          return Effect.mapBoth(space.commit(commit), {
            onSuccess: (committed) => {
              applied.count++
              told.count += commit.tell.length
              commitSeconds.observe((performance.now() - began) / 1000)
              return committed
            },
            onFailure: (error) => {
              if (error._tag === "CommitRefused") {
                refused.count++
                if (error.reason === "Fenced") commitsFenced.count++
              } else failed.count++
              return error
            }
          })
        })
    })
  )
)
