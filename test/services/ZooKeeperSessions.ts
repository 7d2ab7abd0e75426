/**
 * The sessions that a ZooKeeperRoster opens, for tests to end: a second client that has a session's id and password takes
 * it over and closes it, and the first is told that it has expired.
 */
import * as Effect from "effect/Effect"
import ZooKeeper from "zookeeper"
import * as Sessions from "../../src/link/ZooKeeper.ts"

export class ZooKeeperSessions {
  private readonly servers: string
  private readonly opened: Array<Sessions.Session> = []

  constructor(servers: string) {
    this.servers = servers
  }

  /** For the roster to connect by. */
  readonly connect: typeof Sessions.connect = (options) =>
    Effect.tap(Sessions.connect(options), (session) => Effect.sync(() => this.opened.push(session)))

  /** The first client may take it back before the second has closed it; so again, until it is told. */
  expire(session: Sessions.Session): Effect.Effect<void> {
    const taken = Effect.callback<void>((resume) => {
      const taker = new ZooKeeper({
        connect: this.servers,
        timeout: 2_000,
        client_id: session.id,
        client_password: session.password
      })
      taker.on("connect", () => taker.close())
      taker.on("close", () => resume(Effect.void))
      taker.init({})
      return Effect.sync(() => void taker.close())
    })
    const told = Effect.andThen(taken, session.ended).pipe(Effect.timeoutOption("500 millis"))
    return Effect.asVoid(Effect.repeat(told, { until: () => session.hasEnded() }))
  }

  /** The session of a node, by its owner's id. */
  of(owner: string): Sessions.Session | undefined {
    return this.opened.find(({ id }) => id === owner)
  }
}
