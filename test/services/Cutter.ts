/**
 * A wire to a server that can be cut at the worst moment: after the server has carried out a request, and before its answer
 * is heard. Forwards everything else as it comes.
 */
import { connect, createServer, type Socket } from "node:net"
import * as Effect from "effect/Effect"

export interface Cutter {
  readonly url: string
  readonly port: number
  /** The next connection that sends these bytes is cut when the server answers it. Once. */
  readonly cutAnswerTo: (bytes: string) => void
  /** Cuts whatever is connected. */
  readonly cut: () => void
  /** How often it was cut. */
  readonly cuts: () => number
}

/** Open until the scope closes. */
export const cutter = (to: string) =>
  Effect.acquireRelease(
    Effect.promise(() => open(new URL(to))),
    ({ close }) => Effect.sync(close)
  )

async function open(to: URL): Promise<Cutter & { readonly close: () => void }> {
  const sockets = new Set<Socket>()
  let doomed: string | undefined
  let cuts = 0
  const server = createServer((client) => {
    const upstream = connect(Number(to.port), to.hostname)
    let isDoomed = false
    const end = () => [client, upstream].forEach((socket) => void socket.destroy())
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on("error", end)
      socket.on("close", () => {
        sockets.delete(socket)
        end()
      })
    }
    client.on("data", (bytes) => {
      if (doomed !== undefined && bytes.includes(doomed)) {
        isDoomed = true
        doomed = undefined
      }
      upstream.write(bytes)
    })
    upstream.on("data", (bytes) => {
      if (!isDoomed) return void client.write(bytes)
      cuts++
      end()
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    cutAnswerTo: (bytes) => {
      doomed = bytes
    },
    cut: () => {
      cuts++
      for (const socket of sockets) socket.destroy()
    },
    cuts: () => cuts,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}
