/**
 * A script of the shared space: its text, put together from files under lua/, and how it is run. All begin with `#!lua`,
 * so that Redis refuses a key of another slot instead of letting it pass (rule C1), and with the numbers they share with
 * the memory twin.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import type { Redis } from "ioredis"
import * as Space from "./SharedSpace.ts"

const { outcomesMax, outcomeSessionsMax, outcomeAgeMs, fencesMax, tokensMax, idleKeptMs } = Space
const numbers = { outcomesMax, outcomeSessionsMax, outcomeAgeMs, fencesMax, tokensMax, idleKeptMs }
const shared = Object.entries(numbers)
  .map(([name, value]) => `local ${name} = ${value}\n`)
  .join("")

const fileText = (name: string): string => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), "utf8")

export class RedisScript {
  readonly #text: string
  readonly #sha: string

  constructor(names: ReadonlyArray<string>, flags = "") {
    this.#text = `#!lua${flags}\n${shared}${names.map(fileText).join("\n")}`
    this.#sha = createHash("sha1").update(this.#text).digest("hex")
  }

  /** Strings in the answer are Buffers. The text is sent only to a Redis that does not know it yet. */
  async run(client: Redis, keys: ReadonlyArray<string>, ...values: ReadonlyArray<Buffer>): Promise<unknown> {
    const rest = [keys.length, ...keys, ...values]
    try {
      return await client.callBuffer("EVALSHA", this.#sha, ...rest)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("NOSCRIPT")) throw error
      return await client.callBuffer("EVAL", this.#text, ...rest)
    }
  }
}
