/**
 * Which playgrounds there are: the operator's file (NORITER_WORLD), or one park. All runners read the same one.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Settings } from "../../Settings.ts"

const Size = Schema.Int.check(Schema.isBetween({ minimum: 1_000, maximum: 1_000_000 }))

const PlaygroundSchema = Schema.Struct({
  id: Schema.String.check(Schema.isPattern(/^[a-z0-9_-]{1,32}$/)),
  name: Schema.NonEmptyString,
  widthCm: Size,
  heightCm: Size,
  /** Where guests arrive: somewhere within the radius. */
  spawn: Schema.Struct({ xCm: Schema.Int, yCm: Schema.Int, radiusCm: Schema.Int }),
  /** How many may stand in one channel. */
  capacity: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100_000 }))
})

export type Playground = typeof PlaygroundSchema.Type

const WorldSchema = Schema.Array(PlaygroundSchema).check(Schema.isMinLength(1))

/** The world's file cannot be read; the message says where and why. */
export class WorldError extends Data.TaggedError("WorldError")<{ readonly path: string; readonly cause: unknown }> {
  override get message(): string {
    return `the world file ${this.path} cannot be used: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

/** The most channels of one playground. */
export const channelsMax = 1_000

export class World extends Context.Service<
  World,
  {
    readonly playgrounds: ReadonlyArray<Playground>
    readonly find: (id: string) => Playground | undefined
  }
>()("noriter/plaza/playground/World") {
  static readonly layer = Layer.effect(
    World,
    Effect.gen(function* () {
      const { world } = yield* Settings
      const playgrounds = Option.isNone(world) ? [park] : yield* readWorld(world.value)
      const byId = new Map(playgrounds.map((playground) => [playground.id, playground]))
      return World.of({ playgrounds, find: (id) => byId.get(id) })
    })
  )
}

/** 200 × 200 m, everyone arriving within 8 m of its middle, 5,000 a channel (design 8). */
export const park: Playground = {
  id: "park",
  name: "공원",
  widthCm: 20_000,
  heightCm: 20_000,
  spawn: { xCm: 10_000, yCm: 10_000, radiusCm: 800 },
  capacity: 5_000
}

/** Reads and checks a file of playgrounds. */
export const readWorld = (path: string) =>
  Effect.gen(function* () {
    const files = yield* FileSystem.FileSystem
    const text = yield* files.readFileString(path)
    const playgrounds = yield* Schema.decodeUnknownEffect(Schema.fromJsonString(WorldSchema))(text)
    const twice = playgrounds.find((one, index) => playgrounds.findIndex((other) => other.id === one.id) !== index)
    if (twice !== undefined) return yield* Effect.fail(new Error(`${twice.id} stands twice`))
    return playgrounds
  }).pipe(Effect.mapError((cause) => new WorldError({ path, cause })))

/** `park/1`: the tag of a playground's channel. */
export const channelTag = (playground: string, channel: number): string => `${playground}/${channel}`

/** A place to arrive at, within the spawn's circle and the playground's bounds. */
export const arrival = ({ spawn, widthCm, heightCm }: Playground): { readonly xCm: number; readonly yCm: number } => {
  const angle = Math.random() * 2 * Math.PI
  // The root spreads arrivals evenly over the circle instead of crowding its middle.
  const distance = Math.sqrt(Math.random()) * spawn.radiusCm
  return {
    xCm: within(spawn.xCm + distance * Math.cos(angle), widthCm),
    yCm: within(spawn.yCm + distance * Math.sin(angle), heightCm)
  }
}

const within = (value: number, size: number): number => Math.max(0, Math.min(size - 1, Math.round(value)))
