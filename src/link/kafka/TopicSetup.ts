/**
 * Topics as the proto wants them: created where they are missing, and refused where the broker's differ, because a tag
 * that moves to another partition breaks the order and the marks (rules L1, L3). Owns their settings.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { Topic } from "../../../gen/registry.ts"
import { LogError } from "../TopicLog.ts"
import { type Admin, type KafkaClient, type TopicShape, within } from "./KafkaClient.ts"

const askTimeoutMs = 5_000
/** A broker that comes up with us is waited for; and it knows of a topic only some time after its making. */
const askAgain = Schedule.spaced("250 millis").pipe(Schedule.upTo({ duration: "8 seconds" }))
/** A whole batch may lie in one partition (rule L9), with keys and headers. */
const requestBytesMax = 2_097_152

/** How many brokers hold a topic is theirs to say: their default. */
export const shapeOf = (topic: Topic, name: string): TopicShape => ({
  name,
  partitions: topic.partitions,
  settings: {
    // "Now" is when the broker appended the record (rule L2).
    "message.timestamp.type": "LogAppendTime",
    // By nothing but its age does a record go: facts are what lasting state is rebuilt from (rule L13).
    "retention.ms": `${topic.retentionHours * 3_600_000}`,
    "retention.bytes": "-1",
    "cleanup.policy": "delete",
    "max.message.bytes": `${requestBytesMax}`
  }
})

/** Ends when all of them are there as they should be, and take records. */
export const setUp = (client: KafkaClient, shapes: ReadonlyArray<TopicShape>): Effect.Effect<void, LogError> =>
  Effect.tryPromise({
    try: () => within(askTimeoutMs, "asking for topics", asked(client, shapes)),
    catch: (cause) => new LogError({ operation: "connect", cause })
  }).pipe(
    Effect.retry({ schedule: askAgain, while: ({ cause }) => !isRefusal(cause) }),
    Effect.flatMap((differences) =>
      differences.length === 0
        ? Effect.void
        : Effect.fail(new LogError({ operation: "topics", cause: new Error(differences.join("; ")) }))
    )
  )

// --- internal ---

/** A broker that does not take our account will not take it later. */
const isRefusal = (cause: unknown): boolean => cause instanceof Error && cause.name === "KafkaJSSASLAuthenticationError"

async function asked(client: KafkaClient, shapes: ReadonlyArray<TopicShape>): Promise<ReadonlyArray<string>> {
  const admin = await client.admin()
  try {
    await admin.create(shapes)
    const differing = await differences(admin, shapes)
    if (differing.length === 0) await leadersAnswer(admin, shapes)
    return differing
  } finally {
    void admin.close().catch(() => {})
  }
}

/**
 * A broker tells that it leads a new partition some milliseconds before it takes records for it. It refuses questions for
 * as long, and once it answers one, it takes records, too.
 */
async function leadersAnswer(admin: Admin, shapes: ReadonlyArray<TopicShape>): Promise<void> {
  await Promise.all(shapes.map(({ name }) => admin.offsetsAt(name, Number.MAX_SAFE_INTEGER)))
}

async function differences(admin: Admin, shapes: ReadonlyArray<TopicShape>): Promise<ReadonlyArray<string>> {
  const names = shapes.map(({ name }) => name)
  const settings = [...new Set(shapes.flatMap((shape) => Object.keys(shape.settings)))]
  const there = await admin.describe(names, settings)
  return shapes.flatMap((shape) =>
    differencesOf(
      shape,
      there.find(({ name }) => name === shape.name)
    )
  )
}

function differencesOf(shape: TopicShape, there: TopicShape | undefined): ReadonlyArray<string> {
  if (there === undefined) return [`topic ${shape.name} is not there`]
  const lines = Object.entries(shape.settings)
    .filter(([name, value]) => there.settings[name] !== value)
    .map(([name, value]) => `topic ${shape.name} has ${name}=${there.settings[name]}, not ${value}`)
  if (shape.partitions === there.partitions) return lines
  return [`topic ${shape.name} has ${there.partitions} partitions, not ${shape.partitions}`, ...lines]
}
