/** A listener for tests: its settings with all limits on an address off, and a session that echoes. */
import { join } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Admission } from "../../src/client/Admission.ts"
import type { Connection } from "../../src/client/Connection.ts"
import * as Connections from "../../src/client/Connections.ts"
import * as Deadlines from "../../src/client/Deadlines.ts"
import * as Gateway from "../../src/client/Gateway.ts"
import { HttpServer } from "../../src/client/HttpServer.ts"
import type { Reader } from "../../src/client/Reading.ts"
import * as TcpListener from "../../src/client/TcpListener.ts"
import { Settings } from "../../src/Settings.ts"
import { Process } from "../../src/telemetry/Process.ts"
import { type Line, LineFault, tooLong } from "../../src/wire/Lines.ts"
import { until } from "../contract/Eventually.ts"

export const defaults = {
  host: "127.0.0.1",
  tcpPort: 0,
  reusePort: false,
  tlsCert: Option.none<string>(),
  tlsKey: Option.none<string>(),
  proxies: [] as ReadonlyArray<string>,
  lineBytesMax: 8192,
  helloTimeoutMs: 5000,
  lineTimeoutMs: 10_000,
  heartbeatMs: 15_000,
  outboxBytesMax: 262_144,
  outboxStallMs: 3000,
  socketsMax: 0,
  readAloneMax: 1,
  addressPendingMax: 0,
  addressNewPerSecond: 0,
  addressNewBurst: 0,
  addressMax: 0,
  httpPort: 0,
  messageBytesMax: 65_536,
  origins: [] as ReadonlyArray<string>
}
export type Given = Partial<typeof defaults>
export const fixture = (name: string) => Option.some(join(import.meta.dirname, "fixtures", name))
export const tls = { tlsCert: fixture("cert.pem"), tlsKey: fixture("key.pem") }

export type Accept = (connection: Connection) => Reader

/** The gateway on an HTTP port of its own. */
export const listenHttp = Effect.fnUntraced(function* (given: Given, accept: Accept) {
  const settings = { ...defaults, ...given }
  const deadlines = yield* Deadlines.make(settings)
  const admission = new Admission(settings, deadlines.now)
  const connections = yield* Connections.make({ settings, deadlines, accept })
  const below = Layer.merge(Process.layer({ version: "1", protocol: 1 }), Settings.test(settings))
  const services = yield* Layer.build(Layer.fresh(Layer.provide(HttpServer.layer(Effect.void), below)))
  const http = Context.get(services, HttpServer)
  const gateway = yield* Gateway.open({ settings, http, admission, connections })
  return { ...gateway, http, port: http.port, connections: () => connections.size }
})

export const listen = Effect.fnUntraced(function* (given: Given, accept: Accept) {
  const settings = { ...defaults, ...given }
  const deadlines = yield* Deadlines.make(settings)
  const admission = new Admission(settings, deadlines.now)
  const connections = yield* Connections.make({ settings, deadlines, accept })
  const listener = yield* TcpListener.listen({ settings, admission, connections })
  return { ...listener, connections: () => connections.size }
})

/** How phones are read: each by Node as soon as it says something, or all in rounds. */
export const ways = [
  { way: "alone", listen: listenWith(1_000) },
  { way: "in rounds", listen: listenWith(0) }
] as const

function listenWith(readAloneMax: number): typeof listen {
  return (given, accept) => listen({ readAloneMax, ...given }, accept)
}

/** A reader that does nothing but what it is given. */
export const reader = ({
  take,
  end
}: {
  readonly take?: (text: string) => void
  readonly end?: () => void
}): Reader => ({
  take: (line) => Effect.sync(() => take?.(textOf(line))),
  end: () => Effect.sync(() => end?.())
})

const textOf = (line: Line): string =>
  line === tooLong ? "TOO LONG" : line instanceof LineFault ? line.rule : line.trimEnd()

/** Says each line back, with the address it came from; some words it takes as orders. */
export const echo: Accept = (connection) => ({
  take: (line) => {
    const text = textOf(line)
    if (text === "hello") connection.helloDone()
    const before =
      text === "die"
        ? Effect.die("planted")
        : text === "stop"
          ? until("the end", () => !connection.isOpen)
          : Effect.void
    const answer = () => connection.outbox.answer(Buffer.from(`${connection.address} ${text}\n`))
    return Effect.andThen(before, Effect.sync(answer))
  },
  end: () => Effect.void
})

/** A proxy's header: this phone comes from 192.0.2.7. */
export const proxyHeader = Buffer.from("0d0a0d0a000d0a515549540a2111000cc00002077f000001c001125c", "hex")
