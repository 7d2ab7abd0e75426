/**
 * A process that is measured: started on a core of its own, ready when it says so, and gone with whoever measures. Owns
 * its start and its end, and what Linux says of the processor time and memory of processes.
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { readFileSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { guard } from "../../test/e2e/Server.ts"

/** Servers share one core and the load client has the other, so that neither takes from the other. */
export const serverCore = 0
export const loadCore = 1

const isPinned: boolean = availableParallelism() > 1 && spawnSync("taskset", ["--version"]).status === 0

const readyMsMax = 60_000
const ticksPerSecond = 100

export interface Launch {
  readonly command: string
  readonly arguments: ReadonlyArray<string>
  readonly variables?: Readonly<Record<string, string>>
  readonly core: number
  /** It reads from us, and ends when we do; others end with us whatever they do. */
  readonly isFed?: boolean
}

export class Program implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams
  /** The end of what it said. */
  printed = ""

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child
  }

  /** Starts it, and waits until it prints a line that matches; answers the match, too. */
  static async start(launch: Launch, ready: RegExp): Promise<[Program, RegExpExecArray]> {
    const program = Program.spawn(launch)
    const { child } = program
    let timer: NodeJS.Timeout | undefined
    const said = new Promise<RegExpExecArray>((resolve, reject) => {
      const fail = () => reject(new Error(`${launch.arguments.join(" ")} did not get ready:\n${program.printed}`))
      timer = setTimeout(fail, readyMsMax)
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          program.printed = (program.printed + text).slice(-10_000)
          const match = ready.exec(program.printed)
          if (match !== null) resolve(match)
        })
      }
      child.once("close", fail)
    })
    try {
      return [program, await said]
    } catch (cause) {
      child.stdin.end()
      throw cause
    } finally {
      clearTimeout(timer)
    }
  }

  /** Starts it; whoever called listens to it. */
  static spawn({ command, arguments: given, variables = {}, core, isFed = false }: Launch): Program {
    const line = pinned([command, ...given], core)
    const [first = "", ...rest] = isFed ? line : ["sh", "-c", guard, "guard", ...line]
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("NORITER_")))
    // In a session of its own, which Linux shares the processor out to as one.
    const child = spawn(first, rest, { env: { ...env, ...variables }, detached: true })
    if (child.pid !== undefined) favour(child.pid)
    return new Program(child)
  }

  /** Asks this process of it to end, so that what it writes at its end is written; then makes it. */
  async stop(pid: number): Promise<void> {
    if (this.child.exitCode !== null) return
    const ended = once(this.child, "close")
    const late = setTimeout(() => this.child.stdin.end(), 10_000)
    process.kill(pid, "SIGTERM")
    await ended
    clearTimeout(late)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null) return
    const ended = once(this.child, "close")
    this.child.stdin.end()
    await ended
  }
}

/** A command that runs on a core of its own, where that can be. */
export const pinned = (command: ReadonlyArray<string>, core: number): ReadonlyArray<string> =>
  isPinned ? ["taskset", "-c", `${core}`, ...command] : command

/** Puts a process that runs, and all its threads, on a core; the session that it leads goes before others. */
export const pin = (pid: number, core: number): void => {
  if (isPinned) execFileSync("taskset", ["-a", "-c", "-p", `${core}`, `${pid}`], { stdio: "ignore" })
  favour(pid)
}

/** What else runs on this machine has a thirtieth of what the measured want, where we may say so. */
function favour(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, "-15")
  } catch {
    // Not on this system, or not allowed: the figure of what others took says how much it matters.
  }
}

/** Processor time so far, of all of them, in seconds. */
export const cpuSeconds = (pids: ReadonlyArray<number>): number =>
  pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
    return sum + (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  }, 0)

/** What they have in memory, in bytes. */
export const residentBytes = (pids: ReadonlyArray<number>): number =>
  pids.reduce((sum, pid) => {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))
    return sum + Number(line?.[1] ?? 0) * 1024
  }, 0)

/** Processor time that all of the machine has used, in seconds. */
export const machineSeconds = (): number => {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] =
    readFileSync("/proc/stat", "utf8").split("\n", 1)[0]?.split(/\s+/).slice(1).map(Number) ?? []
  return (user + nice + system + irq + softirq) / ticksPerSecond
}
