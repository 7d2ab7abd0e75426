/**
 * The connections of a runner, by whatever way they came: each has a fiber of its own, in which its session lives. Owns
 * their beginning and their end; what comes on a socket is given to its connection by whoever listens to it.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { DisconnectCode } from "../../gen/noriter/client/v1/session.ts"
import { socketsOpen } from "../telemetry/Metrics.ts"
import type { Ticket } from "./Admission.ts"
import { type Connection, type ConnectionLimits, PhoneConnection, type Transport } from "./Connection.ts"
import type { Deadlines } from "./Deadlines.ts"
import type { Peer } from "./Door.ts"

export interface ConnectionsOptions<R> {
  readonly settings: ConnectionLimits
  readonly deadlines: Deadlines
  /** A connection's whole life. When it ends the socket is closed. */
  readonly accept: (connection: Connection) => Effect.Effect<void, never, R>
}

/** A socket that is open and let in. */
export interface Opened {
  readonly transport: Transport
  readonly peer: Peer
  readonly ticket: Ticket
  readonly kind: "tcp" | "websocket"
}

/** How long connections may take to end when the scope closes. */
const closingMs = 3000

/** Until the scope closes; then it closes all that are left. */
export const make = <R>(options: ConnectionsOptions<R>) =>
  Effect.acquireRelease(
    Effect.map(Effect.context<R>(), (context) => {
      const run = Effect.runForkWith(context)
      return new Connections(options, (connection) => run(alive(connection, options.accept)))
    }),
    (connections) => connections.closeAll
  )

export class Connections {
  private readonly fibers = new Map<PhoneConnection, Fiber.Fiber<void>>()
  private readonly limits: ConnectionLimits
  private readonly deadlines: Deadlines
  private readonly start: (connection: PhoneConnection) => Fiber.Fiber<void>
  private readonly open = { tcp: socketsOpen.of("tcp"), websocket: socketsOpen.of("websocket") }

  constructor(
    { settings, deadlines }: Pick<ConnectionsOptions<never>, "settings" | "deadlines">,
    start: (connection: PhoneConnection) => Fiber.Fiber<void>
  ) {
    this.limits = settings
    this.deadlines = deadlines
    this.start = start
  }

  /** Those whose fiber has not ended. */
  get size(): number {
    return this.fibers.size
  }

  /** A connection with its fiber. Whoever listens tells it what happens on the socket, and here when that is gone. */
  begin({ transport, peer, ticket, kind }: Opened): PhoneConnection {
    const connection = new PhoneConnection({
      transport,
      address: peer.address,
      port: peer.port,
      limits: this.limits,
      framed: kind === "websocket",
      now: this.deadlines.now,
      ticket
    })
    this.open[kind].value++
    this.deadlines.watch(connection)
    const fiber = this.start(connection)
    this.fibers.set(connection, fiber)
    fiber.addObserver(() => this.fibers.delete(connection))
    return connection
  }

  /** Its socket is closed. */
  gone(connection: PhoneConnection, kind: Opened["kind"]): void {
    this.open[kind].value--
    this.deadlines.forget(connection)
    connection.gone()
  }

  /** Ends all of them. A fiber that does not see the end of its connection in time is interrupted. */
  readonly closeAll: Effect.Effect<void> = Effect.suspend(() => {
    for (const connection of this.fibers.keys()) connection.destroy()
    const fibers = [...this.fibers.values()]
    return Effect.forEach(fibers, Fiber.await, { concurrency: "unbounded", discard: true }).pipe(
      Effect.timeoutOption(closingMs),
      Effect.andThen(() =>
        Effect.sync(() => {
          for (const fiber of fibers) fiber.interruptUnsafe()
        })
      )
    )
  })
}

/** A connection's fiber. One that fails closes its own socket and nobody else's. */
const alive = <R>(
  connection: PhoneConnection,
  accept: (connection: Connection) => Effect.Effect<void, never, R>
): Effect.Effect<void, never, R> =>
  Effect.suspend(() => accept(connection)).pipe(
    Effect.tapCause((cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.logError("a session failed", cause)
    ),
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (Exit.isSuccess(exit)) connection.close()
        else connection.disconnect(DisconnectCode.DISCONNECT_CODE_INTERNAL, { message: "the server failed" })
      })
    )
  )
