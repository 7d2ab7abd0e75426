/** What a service is to whoever starts it. Each kind has a file of its own. */
import type { Launch } from "./ServerProcess.ts"

export interface Service {
  /** Fetches what it is made of; throws Missing where it cannot be had. */
  readonly prepare: () => Promise<void>
  /** Writes into its own empty folder what it needs to begin with nothing, and says how it is started. */
  readonly configure: (folder: string, port: number) => Promise<Launch>
  /** Whether it answers in its own protocol. */
  readonly isReady: (port: number) => Promise<boolean>
  /** Where clients find it. */
  readonly url: (port: number) => string
}
