/** The verdicts of the corpora by WebSocket: those by TCP. */
import { describe } from "@effect/vitest"
import { Server } from "../e2e/Server.ts"

Server.phonesBy = "websocket"
describe("by WebSocket", async () => {
  await import("./port.test.ts")
})
