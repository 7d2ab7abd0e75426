/** Socket.IO 4: one emit for each that is said; a room for each cell. REDIS: its adapter on that Redis. */
import { createServer } from "node:http"
import { createAdapter } from "@socket.io/redis-adapter"
import { createClient } from "redis"
import { Server } from "socket.io"

const cellCm = 1000
const server = createServer()
const io = new Server(server, {
  transports: ["websocket"],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false
})
if (process.env.REDIS !== undefined) {
  const publisher = createClient({ url: process.env.REDIS })
  const subscriber = publisher.duplicate()
  await Promise.all([publisher.connect(), subscriber.connect()])
  io.adapter(createAdapter(publisher, subscriber))
}

let count = 0
io.on("connection", (socket) => {
  const name = `u${count++}`
  const [column, row] = ["x", "y"].map((axis) => Math.floor(Number(socket.handshake.query[axis]) / cellCm))
  socket.join(`cell ${column} ${row}`)
  const near = [-1, 0, 1].flatMap((c) => [-1, 0, 1].map((r) => `cell ${column + c} ${row + r}`))
  socket.on("chat", ({ text }) => io.emit("chat", { from: name, text }))
  socket.on("move", ({ x, y, t }) => io.to(near).emit("move", { id: name, x, y, t }))
})
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
  console.log(`listening ${server.address().port} ${process.pid}`)
)
