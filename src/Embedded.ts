/**
 * A whole plaza within another program, for the tests of client teams: what `noriter start` runs with nothing else
 * installed, as a promise and without a log. The SDK's testing entry is made of it.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import manifest from "../package.json" with { type: "json" }
import { embedded } from "./App.ts"
import { Runner } from "./client/Runner.ts"
import { protocol } from "./client/SessionConsumer.ts"
import { type Addresses, start } from "./command/Start.ts"

export interface Embedded extends Addresses {
  /** Lets phones go in good order, and ends. */
  readonly stop: () => Promise<void>
}

/** Ends when phones may come. Ports are free ones where the variables, NORITER_…, do not say otherwise. */
export const embed = (variables: Readonly<Record<string, string>>): Promise<Embedded> =>
  new Promise((resolve, reject) => {
    const program = start(
      { runner: Runner, layer: embedded, version: manifest.version, protocol },
      {
        bots: 0,
        variables: { NORITER_TCP_PORT: "0", NORITER_HTTP_PORT: "0", ...variables },
        invite: undefined,
        announce: (_line, at) =>
          resolve({ ...at, stop: () => Effect.runPromise(Effect.asVoid(Fiber.interrupt(fiber))) })
      }
    )
    const fiber = Effect.runFork(Effect.provide(program, Layer.merge(NodeServices.layer, Logger.layer([]))))
    fiber.addObserver((exit) => {
      if (Exit.isFailure(exit)) reject(Cause.squash(exit.cause))
    })
  })
