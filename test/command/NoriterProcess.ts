/** The noriter command over a server that only pretends, for tests of the process: signals, exit codes, outputs. */
import * as Net from "node:net"
import { Context, Effect, Layer } from "effect"
import { main } from "../../src/command/Noriter.ts"
import type { Running } from "../../src/command/Start.ts"

class Fake extends Context.Service<Fake, Running>()("test/Fake") {}

const listen = Effect.acquireRelease(
  Effect.callback<Net.Server, Error>((resume) => {
    const server = Net.createServer()
    server.once("error", (error) => resume(Effect.fail(error)))
    server.listen(Number(process.env.NORITER_TCP_PORT ?? 0), "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
)

const layer = Layer.effect(
  Fake,
  Effect.map(listen, (server) => {
    const address = server.address()
    return {
      tcp: { host: "127.0.0.1", port: typeof address === "object" && address !== null ? address.port : 0 },
      hasPage: false,
      ready: Effect.void,
      drain: process.env.FAKE_DRAIN === "never" ? Effect.never : Effect.logInfo("drained")
    }
  })
)

main(
  { runner: Fake, layer, version: "1.2.3", protocol: 1 },
  () => Layer.effectContext(Effect.die("nothing to be watched")),
  () => Layer.effectContext(Effect.die("nothing to be looked at")),
  Layer.effectContext(Effect.die("nothing to be repaired"))
)
