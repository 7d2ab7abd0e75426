/**
 * Looks into a server process by the inspector's protocol: how much its heap holds when all garbage is collected; and does
 * in it what no signal can, as stalling its loop. To be had, a server is started with `inspected`. Owns one connection.
 */
import { once } from "node:events"
import { isRecord } from "./Phone.ts"
import type { Server } from "./Server.ts"

/** For Server.start: an inspector on a free port. */
export const inspected = { NODE_OPTIONS: "--inspect=127.0.0.1:0" } as const

const listening = /Debugger listening on (ws:\S+)/

export class Inspector implements Disposable {
  private readonly socket: WebSocket
  private nextId = 1

  private constructor(socket: WebSocket) {
    this.socket = socket
  }

  static async open({ output }: Pick<Server, "output">): Promise<Inspector> {
    const url = listening.exec(output)?.[1]
    if (url === undefined) throw new Error(`there is no inspector:\n${output}`)
    const socket = new WebSocket(url)
    await once(socket, "open")
    return new Inspector(socket)
  }

  /** Bytes in use. Collected twice: what the first frees may hold something that only the second finds. */
  async heapBytes(): Promise<number> {
    await this.call("HeapProfiler.collectGarbage", {})
    await this.call("HeapProfiler.collectGarbage", {})
    const result = await this.call("Runtime.getHeapUsage", {})
    if (!isRecord(result) || typeof result.usedSize !== "number") throw new Error(JSON.stringify(result))
    return result.usedSize
  }

  /** Runs this in the process, and does not wait for it. */
  evaluate(expression: string): void {
    // Its answer may be as late as the loop it stalls; a socket that closes before takes it along.
    void this.call("Runtime.evaluate", { expression })
  }

  [Symbol.dispose](): void {
    this.socket.close()
  }

  private call(method: string, params: object): Promise<unknown> {
    const id = this.nextId++
    return new Promise((resolve, reject) => {
      const answered = ({ data }: MessageEvent) => {
        const message: unknown = JSON.parse(String(data))
        if (!isRecord(message) || message.id !== id) return
        this.socket.removeEventListener("message", answered)
        if (message.error === undefined) resolve(message.result)
        else reject(new Error(`${method}: ${JSON.stringify(message.error)}`))
      }
      this.socket.addEventListener("message", answered)
      this.socket.send(JSON.stringify({ id, method, params }))
    })
  }
}
