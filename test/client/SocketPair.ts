/** Two ends of one real TCP connection: a phone's, and what a server has of it. */
import { once } from "node:events"
import * as Net from "node:net"
import { type Accepting, acceptBare, type BareSocket } from "../../src/client/BareSocket.ts"
import { bareOptions } from "../../src/client/Door.ts"
import type { Carrier, KernelSocket } from "../../src/client/KernelSocket.ts"

export interface SocketPair<Server> extends AsyncDisposable {
  readonly server: Server
  readonly phone: Net.Socket
}

const unexpected = (): never => {
  throw new Error("accepted as another kind of socket than this test is about")
}

/** A server on a free port; whom it accepts otherwise than it is told of fails. */
export async function bareServer(given: Partial<Accepting>, host = "127.0.0.1") {
  const server = Net.createServer(unexpected)
  server.listen({ host, port: 0 })
  await once(server, "listening")
  const defaults = { options: bareOptions, socketsMax: 0, readAloneMax: 0, opened: unexpected }
  if (!acceptBare(server, { ...defaults, openedAsOneOfMany: undefined, ...given }))
    throw new Error("this Node has no bare sockets")
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("a server on a port has one")
  return { port: bound.port, close: () => server.close() }
}

/** A phone that has connected. */
export async function phoneOf(port: number, host = "127.0.0.1"): Promise<Net.Socket> {
  const phone = Net.connect({ host, port })
  phone.on("error", () => {})
  await once(phone, "connect")
  return phone
}

/** The server's is read by Node. */
export async function pair(): Promise<SocketPair<BareSocket>> {
  const accepted = Promise.withResolvers<BareSocket>()
  const pair = await pairOf(accepted.promise, { opened: accepted.resolve, readAloneMax: 1 })
  pair.server.on("error", () => {})
  return pair
}

export interface CarriedPair extends SocketPair<KernelSocket> {
  /** What the server's is told. */
  readonly listening: Listening
  /** Ends when so many bytes were heard. */
  readonly heard: (bytes: number) => Promise<void>
}

/** The server's is the kernel's. */
export async function carried({ isPaused = false } = {}): Promise<CarriedPair> {
  const accepted = Promise.withResolvers<KernelSocket>()
  const pair = await pairOf(accepted.promise, { openedAsOneOfMany: accepted.resolve })
  const listening = new Listening()
  pair.server.carriedBy(listening)
  if (!isPaused) pair.server.resume()
  return { ...pair, listening, heard: (bytes) => until(() => listening.heard.length >= bytes) }
}

async function pairOf<Server extends { readonly destroy: () => unknown }>(
  accepted: Promise<Server>,
  given: Partial<Accepting>
): Promise<SocketPair<Server>> {
  const { port, close } = await bareServer(given)
  const [phone, server] = await Promise.all([phoneOf(port), accepted])
  close()
  return {
    server,
    phone,
    [Symbol.asyncDispose]: async () => {
      for (const socket of [server, phone]) socket.destroy()
    }
  }
}

/** Turns of the event loop pass, not time. */
export const until = async (is: () => boolean): Promise<void> => {
  while (!is()) await new Promise((resolve) => setImmediate(resolve))
}

/** Keeps what it is told. */
export class Listening implements Carrier {
  readonly events: Array<"end" | "drained" | "gone"> = []
  onReceived = (): void => {}
  private readonly chunks: Array<Buffer> = []

  get heard(): Buffer {
    return Buffer.concat(this.chunks)
  }

  received(bytes: Buffer): void {
    this.chunks.push(Buffer.from(bytes))
    this.onReceived()
  }

  receivedEnd(): void {
    this.events.push("end")
  }

  drained(): void {
    this.events.push("drained")
  }

  gone(): void {
    this.events.push("gone")
  }
}
