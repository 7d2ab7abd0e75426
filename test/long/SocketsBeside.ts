/**
 * A process that holds a ZooKeeper session, begins the next when one is over, and meanwhile opens sockets to itself, one
 * after the other. Each has to carry so much that it must wait to write: libuv then changes what it waits for there.
 * Prints how many came to nothing when its input ends.
 */
import { connect, createServer } from "node:net"
import ZooKeeper from "zookeeper"

/** More than a socket takes at once. */
const carried = Buffer.alloc(2_000_000)
const everyMs = 10
/** A socket that has not got its bytes back by then never will. */
const patienceMs = 5_000

const server = createServer((socket) => socket.pipe(socket))
await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
const address = server.address()
const port = typeof address === "object" && address !== null ? address.port : 0

const waiting = new Set<number>()

function open() {
  const at = performance.now()
  waiting.add(at)
  const socket = connect(port, "127.0.0.1")
  let back = 0
  socket.on("data", (bytes) => {
    back += bytes.length
    if (back < carried.length) return
    waiting.delete(at)
    socket.destroy()
  })
  socket.write(carried)
}

function join(connect: string) {
  const client = new ZooKeeper({ connect, timeout: 1_000, debug_level: 0 })
  client.on("connecting", open)
  // Also when the session goes on after all: an ensemble that thaws may hear of it before it looks whose time is over.
  client.on("connect", () => process.stdout.write("joined\n"))
  client.once("close", () => join(connect))
  client.init({})
}

join(process.argv[2] ?? "")
const opening = setInterval(open, everyMs)
for await (const _ of process.stdin);
clearInterval(opening)
const end = performance.now() + patienceMs
while (waiting.size > 0 && performance.now() < end) await new Promise((turn) => setTimeout(turn, everyMs))
process.stdout.write(`${waiting.size} deaf\n`, () => process.exit(0))
