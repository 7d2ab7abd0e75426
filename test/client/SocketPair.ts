/** Two ends of one real TCP connection: a phone's, and the bare socket that a server has of it. */
import { once } from "node:events"
import * as Net from "node:net"
import { acceptBare, type BareSocket } from "../../src/client/BareSocket.ts"
import { bareOptions } from "../../src/client/Door.ts"

export interface SocketPair extends AsyncDisposable {
  readonly server: BareSocket
  readonly phone: Net.Socket
}

/** A server on a free port that accepts bare sockets, so many at once, or any number. */
export async function bareServer(opened: (socket: BareSocket) => void, socketsMax = 0, readAloneMax = 0) {
  const server = Net.createServer(() => {
    throw new Error("accepted by node:net, and not bare")
  })
  server.listen({ host: "127.0.0.1", port: 0 })
  await once(server, "listening")
  if (!acceptBare(server, { options: bareOptions, socketsMax, readAloneMax, opened }))
    throw new Error("this Node has no bare sockets")
  const bound = server.address()
  if (bound === null || typeof bound === "string") throw new Error("a server on a port has one")
  return { port: bound.port, close: () => server.close() }
}

/** `readAloneMax` 1: the server's is read by Node, and not in rounds. */
export async function pair(readAloneMax = 0): Promise<SocketPair> {
  const accepted = Promise.withResolvers<BareSocket>()
  const { port, close } = await bareServer(accepted.resolve, 0, readAloneMax)
  const phone = Net.connect({ host: "127.0.0.1", port })
  const server = await accepted.promise
  for (const socket of [server, phone]) socket.on("error", () => {})
  await (phone.connecting ? once(phone, "connect") : undefined)
  close()
  return {
    server,
    phone,
    [Symbol.asyncDispose]: async () => {
      for (const socket of [server, phone]) socket.destroy()
    }
  }
}
