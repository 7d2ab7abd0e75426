/**
 * The road between a browser and its server: a port that stays the same, which can be cut, mended and led elsewhere. Owns
 * its sockets.
 */
import { once } from "node:events"
import { connect, createServer, type Server, type Socket } from "node:net"

export class Road implements AsyncDisposable {
  private readonly server: Server
  private readonly sockets = new Set<Socket>()
  private port: number
  private isCut = false

  private constructor(port: number) {
    this.port = port
    this.server = createServer((near) => this.join(near))
  }

  static async to(port: number): Promise<Road> {
    const road = new Road(port)
    road.server.listen(0, "127.0.0.1")
    await once(road.server, "listening")
    return road
  }

  get url(): string {
    const address = this.server.address()
    return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}/`
  }

  /** Nothing comes through any more. */
  cut(): void {
    this.isCut = true
    for (const socket of this.sockets) socket.destroy()
  }

  /** Whoever tries again comes through, to another port if there is one. */
  mend(port = this.port): void {
    this.port = port
    this.isCut = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut()
    this.server.close()
    await once(this.server, "close")
  }

  private join(near: Socket): void {
    if (this.isCut) {
      near.destroy()
      return
    }
    const far = connect(this.port, "127.0.0.1")
    for (const socket of [near, far]) {
      this.sockets.add(socket)
      socket.on("error", () => socket.destroy())
      socket.on("close", () => {
        this.sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    far.pipe(near)
  }
}
