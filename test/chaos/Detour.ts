/**
 * Loaded into a server's process before anything else: connections to a port of this machine go to another one instead,
 * where a wire stands that can be cut. Kafka names its own address to whoever asks, so no setting leads past it.
 * CHAOS_DETOUR is a list of `port=port`.
 */
import { Socket } from "node:net"

const detours = new Map(
  (process.env.CHAOS_DETOUR ?? "").split(",").map((one) => {
    const [from = 0, to = 0] = one.split("=").map(Number)
    return [from, to] as const
  })
)

const { connect } = Socket.prototype

Socket.prototype.connect = function (this: Socket, ...given: ReadonlyArray<unknown>): Socket {
  // What `net.connect` hands on is a list within the list: options, then who is told.
  const options: unknown = Array.isArray(given[0]) ? given[0][0] : given[0]
  if (typeof options === "object" && options !== null && "port" in options) {
    const port = detours.get(Number(options.port))
    if (port !== undefined) options.port = port
  }
  return Reflect.apply(connect, this, given)
}
