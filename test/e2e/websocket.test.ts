/** What holds by TCP holds by WebSocket: the same tests, with phones that come the other way. */
import { describe } from "@effect/vitest"
import { Server } from "./Server.ts"

Server.phonesBy = "websocket"
describe("the conversation", async () => {
  await import("./wire.test.ts")
})
describe("lengths", async () => {
  await import("./lengths.test.ts")
})
describe("limits", async () => {
  await import("./limits.test.ts")
})
describe("sockets", async () => {
  await import("./sockets.test.ts")
})
