/**
 * A real server for a test: the noriter command in a process of its own, on ports that are free, with none of the
 * caller's NORITER_ variables. Owns its start, its output and its end; killed with its test, whatever happens.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"
import type { Address } from "./Way.ts"

const root = join(import.meta.dirname, "../..")
const startTimeoutMs = 120_000
const stopTimeoutMs = 30_000
const anyPort = { NORITER_TCP_PORT: "0", NORITER_HTTP_PORT: "0" }
/** Of what is tested here the first phone is read alone, and all others in rounds. */
const inRounds = { NORITER_READ_ALONE_MAX: "1" }
const readyLine = /^noriter (?:ready|watching) pid=(\d+)(?: tcp=\S+:(\d+))? http=\S+:(\d+)$/m

/** What is run as `noriter`. In a whole run the server is one file (scripts/bundle), into which no defect can be planted. */
export const mainFor = (variables: Readonly<Record<string, string>> = {}): string => {
  const bundle = "PLANTED" in variables ? undefined : process.env.SERVER_BUNDLE
  return bundle ?? join(root, "src/main.ts")
}

/**
 * Runs the server, ends as it ends, and kills it when standard input closes: so it goes with the test process whatever
 * becomes of that, also when it is killed itself.
 */
export const guard = `
  exec 3<&0
  "$@" </dev/null 3<&- & server=$!
  { read -r _ <&3; kill -KILL $server; } >/dev/null 2>&1 & watch=$!
  wait $server; code=$?
  kill $watch
  exit $code`

export class Server implements AsyncDisposable {
  /** Which way `phones` is: a file of tests that are to be run the other way, too, connects there. */
  static phonesBy: "tcp" | "websocket" = "tcp"
  readonly tcpPort: number
  readonly httpPort: number
  readonly pid: number
  private readonly child: ChildProcessWithoutNullStreams
  private readonly printed: ReadonlyArray<string>

  private constructor(child: ChildProcessWithoutNullStreams, printed: ReadonlyArray<string>, ready: RegExpExecArray) {
    this.child = child
    this.printed = printed
    this.pid = Number(ready[1])
    this.tcpPort = Number(ready[2] ?? 0)
    this.httpPort = Number(ready[3])
  }

  /**
   * Ends when the server has said that it is ready. Throws, with what it printed, when it does not. `fileDescriptors` is
   * how many it may have.
   */
  static start(variables: Readonly<Record<string, string>> = {}, fileDescriptors?: number): Promise<Server> {
    return Server.run("start", variables, fileDescriptors === undefined ? "" : `ulimit -n ${fileDescriptors}`)
  }

  /** One of another release, whose files lie in this folder. */
  static startFrom(folder: string, variables: Readonly<Record<string, string>>): Promise<Server> {
    return Server.run("start", variables, "", folder)
  }

  /** A watcher, which listens for no phones. */
  static watch(variables: Readonly<Record<string, string>>): Promise<Server> {
    return Server.run("watch", variables)
  }

  private static async run(
    command: string,
    variables: Readonly<Record<string, string>>,
    before = "",
    folder = root
  ): Promise<Server> {
    const main = folder === root ? mainFor(variables) : join(folder, "src/main.ts")
    const child = spawn("sh", ["-c", before + guard, "guard", process.execPath, main, command], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...withoutOurs(process.env), ...(folder === root ? inRounds : {}), ...anyPort, ...variables }
    })
    const printed: Array<string> = []
    const ready = await within(startTimeoutMs, untilReady(child, printed))
    if (ready !== undefined) return new Server(child, printed, ready)
    child.stdin.end()
    throw new Error(`the server did not get ready:\n${printed.join("")}`)
  }

  /** Where phones connect to. */
  get phones(): Address {
    return Server.phonesBy === "tcp" ? this.tcpPort : `ws://127.0.0.1:${this.httpPort}/ws`
  }

  /** All it printed so far, on both of its outputs. */
  get output(): string {
    return this.printed.join("")
  }

  /** Asks it to leave, as an operator would, and waits until it has; its exit code. */
  async stop(): Promise<number | null> {
    if (isRunning(this.child)) {
      const ended = once(this.child, "exit")
      process.kill(this.pid, "SIGTERM")
      if ((await within(stopTimeoutMs, ended)) === undefined) {
        this.child.stdin.end()
        await ended
      }
    }
    return this.child.exitCode
  }

  /** SIGKILL, SIGSTOP or SIGCONT. */
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    process.kill(this.pid, signal)
  }

  /** Ends when the process has. */
  async ended(): Promise<void> {
    if (isRunning(this.child)) await once(this.child, "exit")
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

const isRunning = (child: ChildProcessWithoutNullStreams): boolean =>
  child.exitCode === null && child.signalCode === null

/** The ready line; undefined when the process ends before. */
function untilReady(
  child: ChildProcessWithoutNullStreams,
  printed: Array<string>
): Promise<RegExpExecArray | undefined> {
  return new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8")
      stream.on("data", (text: string) => {
        printed.push(text)
        const ready = readyLine.exec(printed.join(""))
        if (ready !== null) resolve(ready)
      })
    }
    child.once("close", () => resolve(undefined))
  })
}

const withoutOurs = (variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(variables).filter(([name]) => !name.startsWith("NORITER_")))

/** Undefined when it takes longer. */
async function within<A>(milliseconds: number, promise: Promise<A>): Promise<A | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
