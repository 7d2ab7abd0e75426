/**
 * RunnerLink over Redis' pub/sub: published on the common connection, heard on one of its own, bytes end to end. A
 * channel is subscribed once, however many listen. Frames sent while the connection is away are lost; whoever asked
 * `onReady` is told when all channels are heard again (rule C3). PUBLISH reaches every node of a Redis Cluster.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Listeners } from "./Listeners.ts"
import { type Connection, Redis } from "./Redis.ts"
import { LinkError, RunnerLink } from "./RunnerLink.ts"

export const layer: Layer.Layer<RunnerLink, LinkError, Redis> = Layer.effect(
  RunnerLink,
  Effect.suspend(() => make)
)

/** A subscriber says nothing by itself: a dead connection is found by asking, and given up as Redis.ts has it. */
const pingEvery = "1 second"
/** Channels subscribed by one command after a reconnect. */
const channelsAtOnce = 500

const make = Effect.gen(function* () {
  const { prefix, commands, connect } = yield* Redis
  const connection = yield* connect("subscriber")
  const subscriber = new Subscriber(connection, prefix)
  const resynced = new Listeners<void>()
  const resume = async () => {
    if (!(await subscriber.resume())) return
    await commands.whenReady() // lost at the same time, as a rule: whoever is told may publish
    resynced.call()
  }
  yield* connection.onReady(() => void resume())
  const ping = Effect.promise(() => connection.ask((client) => client.ping()).catch(() => undefined))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(ping, Effect.sleep(pingEvery))))
  return RunnerLink.of({
    publish: (channel, bytes) =>
      Effect.tryPromise({
        try: () => commands.ask((client) => client.publish(prefix + channel, asBuffer(bytes))),
        catch: (cause) => new LinkError({ operation: "publish", cause })
      }),
    subscribe: (channel, receive) => subscriber.subscribe(channel, receive),
    onReady: (resync) => resynced.add(resync)
  })
})

/** The same bytes: ioredis takes only Buffers as binary. */
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

interface Channel {
  readonly listeners: Listeners<Uint8Array>
  /** Settled when Redis has said that it is subscribed. */
  readonly subscribed: Promise<unknown>
}

class Subscriber {
  readonly #connection: Connection
  readonly #prefix: string
  readonly #channels = new Map<string, Channel>()

  constructor(connection: Connection, prefix: string) {
    this.#connection = connection
    this.#prefix = prefix
    connection.client.on("messageBuffer", (channel: Buffer, bytes: Buffer) =>
      this.#channels.get(channel.toString())?.listeners.call(bytes)
    )
  }

  subscribe(name: string, receive: (bytes: Uint8Array) => void): Effect.Effect<void, LinkError, Scope.Scope> {
    const key = this.#prefix + name
    const join = Effect.map(Effect.context<never>(), (context) => this.#join(key, receive, context))
    return Effect.acquireRelease(join, ({ leave }) => Effect.sync(leave)).pipe(
      Effect.flatMap(({ channel }) =>
        Effect.tryPromise({
          try: () => channel.subscribed,
          catch: (cause) => new LinkError({ operation: "subscribe", cause })
        })
      ),
      Effect.asVoid
    )
  }

  #join(key: string, receive: (bytes: Uint8Array) => void, context: Context.Context<never>) {
    const channel = this.#channels.get(key) ?? this.#open(key)
    const remove = channel.listeners.addUnsafe(receive, context)
    const leave = () => {
      remove()
      if (channel.listeners.size === 0) this.#close(key, channel)
    }
    return { channel, leave }
  }

  #open(key: string): Channel {
    const subscribed = this.#connection.ask((client) => client.subscribe(key))
    const channel: Channel = { listeners: new Listeners(), subscribed }
    this.#channels.set(key, channel)
    // Whoever comes later tries anew; those who wait for this are told by their own await.
    subscribed.catch(() => this.#channels.get(key) === channel && this.#channels.delete(key))
    return channel
  }

  /** Not waited for: what still comes is heard by nobody. */
  #close(key: string, channel: Channel): void {
    if (this.#channels.get(key) !== channel) return
    this.#channels.delete(key)
    this.#connection.ask((client) => client.unsubscribe(key)).catch(() => undefined)
  }

  /** Subscribes to everything on a new connection; whether that went well. Otherwise the connection is given up. */
  async resume(): Promise<boolean> {
    const keys = [...this.#channels.keys()]
    try {
      for (let at = 0; at < keys.length; at += channelsAtOnce) {
        await this.#connection.ask((client) => client.subscribe(...keys.slice(at, at + channelsAtOnce)))
      }
      return true
    } catch {
      this.#connection.client.disconnect(true)
      return false
    }
  }
}
