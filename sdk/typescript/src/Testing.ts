/**
 * A plaza in process, for the tests of a client: a real server with all its rules, on ports of its own, with nothing else
 * installed. Its world is empty when it starts, and gone when it stops.
 */
import { embed } from "../../../src/Embedded.ts"

export interface TestPlaza extends AsyncDisposable {
  /** For `tcp(plaza)`. */
  readonly host: string
  readonly port: number
  /** For `webSocket(plaza.url)`. */
  readonly url: string
  /** Tells every phone to come back later, and ends. */
  readonly stop: () => Promise<void>
}

/** `await using plaza = await startPlaza()`. Settings are NORITER_… variables: `{ NORITER_RATE_LIMITS: "off" }`. */
export const startPlaza = async (settings: Readonly<Record<string, string>> = {}): Promise<TestPlaza> => {
  const { tcp, http, stop } = await embed(settings)
  return { ...tcp, url: `ws://${http.host}:${http.port}/ws`, stop, [Symbol.asyncDispose]: stop }
}
