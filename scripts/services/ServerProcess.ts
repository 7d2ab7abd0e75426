/**
 * A server as a process of this machine: started so that it outlives whoever started it, known again by its folder, which
 * stands in its command line, and stopped by its id. A process whose command line does not name the folder is not ours,
 * whatever id was written down.
 */
import { execFileSync, spawn } from "node:child_process"
import { closeSync, existsSync, openSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"

/** What is run. One of the arguments lies within the folder. */
export interface Launch {
  readonly command: string
  readonly arguments: ReadonlyArray<string>
}

const logOf = (folder: string): string => join(folder, "log")

export function launch(folder: string, { command, arguments: given }: Launch): Promise<number> {
  const log = openSync(logOf(folder), "w")
  const child = spawn(command, given, { stdio: ["ignore", log, log], detached: true, cwd: folder })
  closeSync(log)
  child.unref()
  return new Promise((resolve, reject) => {
    child.on("error", reject)
    child.on("spawn", () => child.pid !== undefined && resolve(child.pid))
  })
}

/** Empty where there is no such process, or only what is left of one. */
function commandLine(pid: number): string {
  try {
    if (existsSync("/proc/self/cmdline")) return readFileSync(`/proc/${pid}/cmdline`, "utf8")
    return execFileSync("ps", ["-o", "command=", "-p", `${pid}`], { encoding: "utf8" })
  } catch {
    return ""
  }
}

export const isRunning = (folder: string, pid: number): boolean => commandLine(pid).includes(`${folder}/`)

/** Asks it to stop, and after five seconds makes it. One that was stopped by a signal is woken first. */
export async function stop(folder: string, pid: number): Promise<void> {
  const signal = (name: NodeJS.Signals) => isRunning(folder, pid) && process.kill(pid, name)
  signal("SIGCONT")
  signal("SIGTERM")
  for (const end = Date.now() + 5_000; isRunning(folder, pid) && Date.now() < end; ) await sleep(20)
  signal("SIGKILL")
  while (isRunning(folder, pid)) await sleep(20)
}

/** Ends when it has ended by this signal. */
export async function end(folder: string, pid: number, signal: NodeJS.Signals): Promise<void> {
  if (isRunning(folder, pid)) process.kill(pid, signal)
  while (isRunning(folder, pid)) await sleep(20)
}

/** Ends when the server answers; throws with the end of its log if it dies first, or takes too long. */
export async function untilReady(folder: string, pid: number, isReady: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(20)) {
    if (await isReady()) return
    if (!isRunning(folder, pid)) break
  }
  await stop(folder, pid)
  throw new Error(`no server came up:\n${readFileSync(logOf(folder), "utf8").slice(-2_000)}`)
}
