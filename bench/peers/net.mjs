/**
 * Bare node:net: JSON lines, no session, nothing checked. What was said in a turn of the event loop goes out at its end,
 * joined once and written once to each socket; with TICK, moves go out every so many milliseconds to the nine cells
 * around, joined once a cell. What is left is Node and the kernel: the floor.
 */
import { createServer } from "node:net"

const tickMs = Number(process.env.TICK ?? 0)
const queuedMax = 8 << 20
const cellCm = 1000
const sockets = new Set()
const cells = new Map()
let batch = ""

const write = (socket, bytes) => {
  if (socket.writableLength > queuedMax) socket.destroy()
  else socket.write(bytes)
}

const flush = () => {
  const bytes = Buffer.from(batch)
  batch = ""
  for (const socket of sockets) write(socket, bytes)
}

const say = (text) => {
  if (batch === "") setImmediate(flush)
  batch += text
}

const nameOf = (column, row) => column * 65536 + row
const cellAt = (name) => {
  const known = cells.get(name)
  if (known !== undefined) return known
  const cell = { members: new Set(), said: "", bytes: undefined }
  cells.set(name, cell)
  return cell
}

const tick = () => {
  for (const cell of cells.values()) {
    cell.bytes = cell.said === "" ? undefined : Buffer.from(cell.said)
    cell.said = ""
  }
  for (const [name, { members }] of cells) {
    if (members.size === 0) continue
    const parts = []
    for (const column of [-1, 0, 1]) {
      for (const row of [-1, 0, 1]) {
        const bytes = cells.get(name + nameOf(column, row))?.bytes
        if (bytes !== undefined) parts.push(bytes)
      }
    }
    if (parts.length === 0) continue
    const bytes = parts.length === 1 ? parts[0] : Buffer.concat(parts)
    for (const socket of members) write(socket, bytes)
  }
}

const handle = (socket, message) => {
  if (message.type === "hello") {
    socket.cell = cellAt(nameOf(1 + Math.floor(message.x / cellCm), 1 + Math.floor(message.y / cellCm)))
    socket.cell.members.add(socket)
    write(socket, '{"type":"welcome"}\n')
  } else if (message.type === "chat" && typeof message.text === "string" && message.text.length <= 500) {
    say(`${JSON.stringify({ type: "chat", from: socket.name, text: message.text })}\n`)
  } else if (message.type === "move" && Number.isFinite(message.x) && Number.isFinite(message.y)) {
    const { x, y, t } = message
    socket.cell.said += `${JSON.stringify({ type: "move", id: socket.name, x, y, t })}\n`
  }
}

let count = 0
const server = createServer({ noDelay: true }, (socket) => {
  socket.name = `u${count++}`
  sockets.add(socket)
  let rest = ""
  socket.setEncoding("utf8")
  socket.on("data", (text) => {
    const lines = (rest + text).split("\n")
    rest = lines.pop()
    for (const line of lines) handle(socket, JSON.parse(line))
  })
  socket.on("error", () => {})
  socket.on("close", () => {
    sockets.delete(socket)
    socket.cell?.members.delete(socket)
  })
})
if (tickMs > 0) setInterval(tick, tickMs)
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () =>
  console.log(`listening ${server.address().port} ${process.pid}`)
)
