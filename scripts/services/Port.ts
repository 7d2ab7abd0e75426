/** Ports of this machine: one that is free, and whether a server answers on one in its own protocol. */
import { createServer, connect as open } from "node:net"

export const host = "127.0.0.1"

/** Picked and let go again: somebody else may take it first, so whoever starts a server on it tries again. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on("error", reject)
    server.listen(0, host, () => {
      const address = server.address()
      server.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port is free"))
      )
    })
  })
}

/** Sends bytes; whether what came back within half a second is what a healthy server says. */
export function answers(
  port: number,
  question: string | Buffer,
  isRight: (answer: Buffer) => boolean
): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = Buffer.alloc(0)
    const socket = open(port, host, () => void socket.write(question))
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
