/** What is used of kafkajs beneath its own types: how a connection keeps what cannot be sent yet. */
declare module "kafkajs/src/network/requestQueue/index.js" {
  import type { Logger } from "kafkajs"

  export default class RequestQueue {
    readonly pending: ReadonlyArray<unknown>
    constructor(options: {
      readonly maxInFlightRequests: number
      readonly requestTimeout: number
      readonly logger: Pick<Logger, "debug">
    })
    /** Sends it at once where the broker has not asked for a pause and few enough are on their way. */
    push(request: {
      readonly entry: { readonly correlationId: number; readonly resolve: () => void }
      readonly expectResponse: boolean
      readonly sendRequest: () => void
    }): void
    fulfillRequest(response: { readonly correlationId: number; readonly payload: Buffer; readonly size: number }): void
    /** The broker has asked for a pause of so many milliseconds. */
    maybeThrottle(ms: number): void
    scheduleCheckPendingRequests(): void
  }
}
