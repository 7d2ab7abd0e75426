/** `ws`: a message to each socket for each that is said; walkers are told to the nine cells around. */
import { createServer } from "node:http"
import { WebSocketServer } from "ws"

const cellCm = 1000
const cells = new Map()
const server = createServer()
const all = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: true })
const nameOf = (column, row) => `${column} ${row}`

const send = (sockets, message) => {
  const bytes = Buffer.from(JSON.stringify(message))
  for (const socket of sockets) socket.send(bytes, { binary: false })
}

let count = 0
all.on("connection", (socket, request) => {
  const name = `u${count++}`
  const query = new URL(request.url, "http://localhost").searchParams
  const [column, row] = ["x", "y"].map((axis) => Math.floor(Number(query.get(axis)) / cellCm))
  const cell = nameOf(column, row)
  if (!cells.has(cell)) cells.set(cell, new Set())
  cells.get(cell).add(socket)
  const near = [-1, 0, 1].flatMap((c) => [-1, 0, 1].map((r) => nameOf(column + c, row + r)))
  socket.on("message", (data) => {
    const { type, text, x, y, t } = JSON.parse(data)
    if (type === "chat") send(all.clients, { type, from: name, text })
    else if (type === "move") for (const each of near) send(cells.get(each) ?? [], { type, id: name, x, y, t })
  })
  socket.on("error", () => {})
  socket.on("close", () => cells.get(cell).delete(socket))
})
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
  console.log(`listening ${server.address().port} ${process.pid}`)
)
