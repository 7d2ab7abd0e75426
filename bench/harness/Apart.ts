/**
 * On loopback whoever sends also does what the kernel does to receive, since both ends are on one machine: of a write to a
 * phone that is more than half, and in life it is the phone's. Here the kernel is told to do it on the load client's core,
 * as far as Linux has it (receive packet steering) and we may say so. Owns that setting, and puts it back.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { loadCore } from "./Program.ts"

/** The cores that take in what arrives on loopback, as a mask in hex; none: that of whoever sends. */
const loopback = "/sys/class/net/lo/queues/rx-0/rps_cpus"

/** Until this process ends, however it is asked to. */
export function receiveApart(steering = loopback): void {
  const before = readFileSync(steering, "utf8").trim()
  writeFileSync(steering, (1 << loadCore).toString(16))
  process.once("exit", () => writeFileSync(steering, before))
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1))
}
