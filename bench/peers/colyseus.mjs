/** Colyseus 0.18: one room; places in its state, patched every 50 ms (its default); what is said is broadcast. */
import { createServer } from "node:http"
import { Room, Server } from "@colyseus/core"
import { Encoder, schema, t } from "@colyseus/schema"
import { WebSocketTransport } from "@colyseus/ws-transport"

Encoder.BUFFER_SIZE = 1 << 20
const Player = schema({ x: t.float32(), y: t.float32(), t: t.biguint64() }, "Player")
const State = schema({ players: t.map(Player) }, "State")
const walking = process.env.WALKING === "1"

class Plaza extends Room {
  maxClients = Number.POSITIVE_INFINITY
  patchRate = 50

  onCreate() {
    this.state = new State()
    this.autoDispose = false
    this.onMessage("chat", (client, text) => this.broadcast("chat", { from: client.sessionId, text }))
    this.onMessage("move", (client, [x, y, time]) => {
      const player = this.state.players.get(client.sessionId)
      if (player !== undefined) Object.assign(player, { x, y, t: time })
    })
  }

  onJoin(client) {
    if (walking) this.state.players.set(client.sessionId, Object.assign(new Player(), { x: 0, y: 0, t: 0n }))
  }

  onLeave(client) {
    this.state.players.delete(client.sessionId)
  }
}

const server = createServer()
const game = new Server({ transport: new WebSocketTransport({ server }), greet: false, gracefullyShutdown: false })
game.define("plaza", Plaza)
await game.listen(0, "127.0.0.1", 4096)
console.log(`listening ${server.address().port} ${process.pid}`)
