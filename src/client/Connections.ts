/**
 * The connections of a runner, by whatever way they came. Owns their beginning and their end; what comes on a socket is
 * given to its connection by whoever listens to it, and taken by the reader it is given here.
 */
import * as Effect from "effect/Effect"
import { socketsOpen } from "../telemetry/Metrics.ts"
import type { Ticket } from "./Admission.ts"
import { type Connection, type ConnectionLimits, PhoneConnection, type Transport } from "./Connection.ts"
import type { Deadlines } from "./Deadlines.ts"
import type { Peer } from "./Door.ts"
import type { Reader, Run } from "./Reading.ts"

export interface ConnectionsOptions {
  readonly settings: ConnectionLimits
  readonly deadlines: Deadlines
  /** Who takes what comes on a connection. When the end is taken, or where anything fails, the socket is closed. */
  readonly accept: (connection: Connection) => Reader
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
export const make = (options: ConnectionsOptions) =>
  Effect.acquireRelease(
    Effect.map(Effect.context<never>(), (context) => new Connections(options, Effect.runForkWith(context))),
    (connections) => connections.closeAll
  )

export class Connections {
  private readonly all = new Set<PhoneConnection>()
  private readonly options: ConnectionsOptions
  private readonly run: Run
  private readonly open = { tcp: socketsOpen.of("tcp"), websocket: socketsOpen.of("websocket") }
  private readonly gone = { tcp: this.goneOf("tcp"), websocket: this.goneOf("websocket") }
  private emptied = (): void => {}

  constructor(options: ConnectionsOptions, run: Run) {
    this.options = options
    this.run = run
  }

  /** Those whose end was not taken. */
  get size(): number {
    return this.all.size
  }

  /** Whoever listens tells the connection what happens on the socket. */
  begin({ transport, peer, ticket, kind }: Opened): PhoneConnection {
    const { settings, deadlines, accept } = this.options
    const connection = new PhoneConnection({
      transport,
      address: peer.address,
      port: peer.port,
      limits: settings,
      framed: kind === "websocket",
      now: deadlines.now,
      onStirred: deadlines.stir,
      ticket,
      run: this.run,
      onGone: this.gone[kind],
      onDone: this.done
    })
    this.open[kind].value++
    deadlines.watch(connection)
    this.all.add(connection)
    connection.begin(accept(connection))
    return connection
  }

  /** Ends all of them. What does not see the end of its connection in time is interrupted. */
  readonly closeAll: Effect.Effect<void> = Effect.suspend(() => {
    for (const connection of this.all) connection.destroy()
    return Effect.andThen(
      Effect.timeoutOption(this.empty, closingMs),
      Effect.sync(() => {
        for (const connection of this.all) connection.interrupt()
      })
    )
  })

  /** Its socket is closed. */
  private goneOf(kind: Opened["kind"]) {
    return (connection: PhoneConnection): void => {
      this.open[kind].value--
      this.options.deadlines.forget(connection)
    }
  }

  private readonly empty = Effect.callback<void>((resume) => {
    this.emptied = () => {
      if (this.all.size === 0) resume(Effect.void)
    }
    this.emptied()
  })

  private readonly done = (connection: PhoneConnection): void => {
    this.all.delete(connection)
    this.emptied()
  }
}
