/** Ports of this machine: one that is free, and whether a server answers on one in its own protocol. */
import { createServer, connect as open, type Socket } from "node:net"
import { connect as openSecure } from "node:tls"

export const host = "127.0.0.1"

/** No system gives these by itself to a socket that connects: a server that was killed finds its port free again. */
const [lowest, beyond] = [10_000, 32_768]
const triesMax = 100

/** Picked and let go again: somebody else may take it first, so whoever starts a server on it tries again. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < triesMax; tries++) {
    const port = lowest + Math.floor(Math.random() * (beyond - lowest))
    if (await isFree(port)) return port
  }
  throw new Error("no port is free")
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })

/** Over TLS; whose certificate it is does not matter to whoever only wants to know whether it answers. */
export const secure = (port: number, opened: () => void): Socket =>
  openSecure({ port, host, rejectUnauthorized: false }, opened)

const plain = (port: number, opened: () => void): Socket => open(port, host, opened)

/** Sends bytes; whether what came back within half a second is what a healthy server says. */
export function answers(
  port: number,
  question: string | Buffer,
  isRight: (answer: Buffer) => boolean,
  connect = plain
): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = Buffer.alloc(0)
    const socket = connect(port, () => void socket.write(question))
    const end = (right: boolean) => {
      socket.destroy()
      resolve(right)
    }
    socket.setTimeout(500, () => end(false))
    socket.on("data", (bytes) => {
      answer = Buffer.concat([answer, bytes])
      if (isRight(answer)) end(true)
    })
    socket.on("error", () => end(false))
    socket.on("close", () => end(isRight(answer)))
  })
}
