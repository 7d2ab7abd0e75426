/**
 * Defects of a world in which guests give each other flowers (Gifts), planted to see the test fail: each takes the place
 * of one layer.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { PouchAskedConsumer } from "../../gen/consumers.ts"
import { TopicLog } from "../../src/link/TopicLog.ts"
import { pouchDeciders } from "../../src/plaza/social/PouchDeciders.ts"
import { Founding } from "../../src/space/Founding.ts"
import { SharedSpace } from "../../src/space/SharedSpace.ts"

/** How the world is; what is planted into it is there to see the test fail. */
export interface How {
  /** What was taken in from another tag is not known again (rule L4). */
  readonly noSourceCheck?: boolean
  /** Answered when it is decided, and not when it is on the log (rule L13). */
  readonly answersFirst?: boolean
  /** What is not in the shared space counts as never having been (rule L12). */
  readonly missingIsEmpty?: boolean
  /** Nothing is read again when the shared space was away (rule L11). */
  readonly noGoingBack?: boolean
  /** Facts say what happened, and not what it did to the marks (rule L13). */
  readonly noMarks?: boolean
  /** No defect: half of the gifts are wrapped, and passed on at a time. */
  readonly wraps?: boolean
  /** No defect: three calls in ten fail before they have begun, and little is read again, which would arm timers anew. */
  readonly failing?: boolean
  /** Timers are struck from their buckets before they are known to be on the log (rule T1). */
  readonly strikesFirst?: boolean
  /** What a timer asks takes effect whether it stands or not (rule T1). */
  readonly noTimerCheck?: boolean
}

export const foundingOf = ({ missingIsEmpty = false }: How) =>
  missingIsEmpty
    ? Layer.effect(
        Founding,
        Effect.map(Founding, (founding) => Founding.of({ ...founding, counts: () => Effect.succeed(true) }))
      ).pipe(Layer.provide(Founding.layer))
    : Founding.layer

/** A log that is not gone back in, whose facts carry no marks, or that says it has what a timer asks and may not. */
export const plantedLog =
  ({ noGoingBack = false, noMarks = false, strikesFirst = false }: How) =>
  <E, R>(layer: Layer.Layer<TopicLog, E, R>): Layer.Layer<TopicLog, E, R> =>
    Layer.effect(
      TopicLog,
      Effect.map(TopicLog, (log) =>
        TopicLog.of({
          ...log,
          append: (topic, records) =>
            Effect.catch(
              log.append(topic, noMarks ? records.map((record) => ({ ...record, marks: undefined })) : records),
              (failed) =>
                strikesFirst && records[0]?.key === "noriter.topic.v1.GiftDue"
                  ? Effect.succeed([])
                  : Effect.fail(failed)
            ),
          consume: (options) =>
            Effect.map(log.consume(options), (reading) =>
              noGoingBack ? { goBack: () => Effect.void, seek: () => Effect.void } : reading
            )
        })
      )
    ).pipe(Layer.provide(layer))

export const decidersOf = ({ answersFirst = false, noTimerCheck = false }: How): PouchAskedConsumer => {
  const { give, unwrap } = pouchDeciders
  const { reads, decide, asker } = unwrap
  return {
    ...pouchDeciders,
    give: {
      ...give,
      decide: (state, gift) =>
        answersFirst ? { ...give.decide(state, gift), answerAfterFacts: false } : give.decide(state, gift)
    },
    unwrap: noTimerCheck ? { reads, decide, asker } : unwrap
  }
}

/** A shared space that keeps no sources. */
export const plantedSpace =
  ({ noSourceCheck = false }: How) =>
  <E, R>(layer: Layer.Layer<SharedSpace, E, R>): Layer.Layer<SharedSpace, E, R> =>
    noSourceCheck
      ? Layer.effect(
          SharedSpace,
          Effect.map(SharedSpace, (space) =>
            SharedSpace.of({
              ...space,
              read: (request) => Effect.map(space.read(request), (state) => ({ ...state, sources: new Map() })),
              commit: (commit) =>
                space.commit(
                  commit.guard._tag === "Applied"
                    ? {
                        ...commit,
                        guard: {
                          _tag: "Applied",
                          records: commit.guard.records.map((record) => ({ ...record, source: undefined }))
                        }
                      }
                    : commit
                )
            })
          )
        ).pipe(Layer.provide(layer))
      : layer
