/** Phones by TCP that keep a page company, in the test's own process, and what they wait to hear. Owns nothing. */
import { connect, type Plaza } from "../../sdk/typescript/src/Plaza.ts"
import { tcp } from "../../sdk/typescript/src/Tcp.ts"
import type { Server } from "../e2e/Server.ts"
import { patienceMs } from "./Browser.ts"

export const phoneAt = (server: Server, nickname: string): Plaza =>
  connect({ transport: tcp({ host: "127.0.0.1", port: server.tcpPort }), nickname })

/** Ends with the first event that is meant; rejects when it takes too long. */
export function hear<K extends "said" | "whispered" | "moved" | "appeared" | "given">(
  plaza: Plaza,
  key: K,
  isMeant: (event: Parameters<Parameters<typeof plaza.on<K>>[1]>[0]) => boolean
): Promise<Parameters<Parameters<typeof plaza.on<K>>[1]>[0]> {
  const { promise, resolve, reject } = Promise.withResolvers<Parameters<Parameters<typeof plaza.on<K>>[1]>[0]>()
  // Whoever awaits it hears of it; a test that failed before does not.
  promise.catch(() => undefined)
  const late = setTimeout(() => reject(new Error(`never heard ${key}`)), patienceMs)
  const stop = plaza.on(key, (event) => {
    if (!isMeant(event)) return
    clearTimeout(late)
    stop()
    resolve(event)
  })
  return promise
}
