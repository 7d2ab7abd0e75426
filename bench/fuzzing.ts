/** The thread that talks nonsense for fuzz.ts, so that making it does not hold up whoever measures. */
import { parentPort, workerData } from "node:worker_threads"
import { type FuzzOptions, fuzz } from "../test/e2e/Fuzz.ts"

/** What this thread is given. */
export type FuzzingData = FuzzOptions

const isOptions = (data: unknown): data is FuzzingData => typeof data === "object" && data !== null && "port" in data

if (!isOptions(workerData)) throw new Error("this thread is fuzz.ts's")
parentPort?.postMessage(await fuzz(workerData))
