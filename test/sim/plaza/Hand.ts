/** A process that runs the seeds it is given, and says of each whether all is well. */
import { simulate } from "./Simulation.ts"

process.on("message", (seed) => process.send?.(simulate(Number(seed)).wrongs.length === 0))
