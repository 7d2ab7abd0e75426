/** What a runner without an operator's desk has of HTTP: nothing of it is there, and nobody comes. */
import * as Effect from "effect/Effect"
import type { HttpServer } from "../../src/client/HttpServer.ts"

export const nobodyLooks: HttpServer["Service"] = {
  host: "",
  port: 0,
  scheme: "http",
  mount: () => Effect.void,
  refuse: () => {},
  sendOff: () => {}
}
