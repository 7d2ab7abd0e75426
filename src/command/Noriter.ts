/**
 * The noriter command: its subcommands, their flags, and how the process ends. Owns exit codes and what is said of an
 * error; each subcommand's work is in its own file.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Log from "../telemetry/Log.ts"
import type { Workers } from "../Workers.ts"
import { auditPresence } from "./Audit.ts"
import { bots } from "./Bots.ts"
import { doctor } from "./Doctor.ts"
import { join } from "./Join.ts"
import { type Operator, rebuild, redrive } from "./Repair.ts"
import { type Server, start } from "./Start.ts"
import { type Outside, watch } from "./Watch.ts"

/** The whole command, for a server that App.ts has put together. */
const command = <Id, E, F, G, H>(
  server: Server<Id, E>,
  watching: Outside<H, Workers>,
  outside: Outside<F>,
  operator: Operator<G>
) =>
  Command.make("noriter").pipe(
    Command.withDescription("A plaza server: people gather in a playground, walk about, meet and talk."),
    Command.withSubcommands([
      startCommand(server),
      watchCommand(watching, server),
      botsCommand,
      joinCommand,
      doctorCommand(outside, operator)
    ])
  )

/** Runs the command of this process. SIGINT and SIGTERM end it in good order with 0; a second one at once with 130. */
export const main = <Id, E, F, G, H>(
  server: Server<Id, E>,
  watching: Outside<H, Workers>,
  outside: Outside<F>,
  operator: Operator<G>
): void => {
  leaveAtSecondSignal()
  // Whoever read what is printed has gone (`| head`): no reason for a server to end, nor for a stack trace.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
  Command.run(command(server, watching, outside, operator), { version: server.version }).pipe(
    Effect.tapCause(report),
    Effect.provide(Layer.merge(NodeServices.layer, Log.layer)),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      teardown: (exit, onExit) => {
        const stopped = Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause)
        if (stopped) onExit(0)
        else Runtime.defaultTeardown(exit, onExit)
      }
    })
  )
}

// --- Subcommands ---

const startCommand = <Id, E>(server: Server<Id, E>) =>
  Command.make(
    "start",
    { bots: count("bots", 0, "Bots that walk and talk here, so that nobody is alone") },
    ({ bots }) =>
      start(server, {
        bots,
        variables: process.env,
        announce: print,
        invite: process.stdout.isTTY ? print : undefined
      })
  ).pipe(Command.withDescription("Runs a server; its settings are NORITER_… variables"))

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const watchCommand = <Id, E, F>(watching: Outside<F, Workers>, server: Server<Id, E>) =>
  Command.make("watch", {}, () => watch(watching, server, { variables: process.env, announce: print })).pipe(
    Command.withDescription("Watches over the runners, and cleans up after those that die")
  )

const where = {
  host: Flag.String("host").pipe(Flag.withDefault("127.0.0.1"), Flag.withDescription("Where the server is")),
  port: Flag.Int("port").pipe(
    Flag.withFallbackConfig(Config.Int("NORITER_TCP_PORT")),
    Flag.withDefault(4700),
    Flag.filter(
      (port) => port >= 1 && port <= 65535,
      (port) => `a port is from 1 to 65535, not ${port}`
    ),
    Flag.withDescription("Its port for JSON lines; NORITER_TCP_PORT otherwise")
  ),
  playground: Flag.String("playground").pipe(
    Flag.withDefault(""),
    Flag.withDescription("Which playground; the first there is otherwise")
  )
}

/** More would meet the limit of one address before their hello did any good. */
const botsMax = 10_000

const botsCommand = Command.make(
  "bots",
  {
    count: Argument.Int("count").pipe(
      Argument.filter(
        (value) => value >= 1 && value <= botsMax,
        (value) => `from 1 to ${botsMax} bots, not ${value}`
      ),
      Argument.withDescription("How many")
    ),
    ...where,
    seconds: count("seconds", 0, "How long; 0: until interrupted"),
    seed: count("seed", 1, "The same seed walks the same way")
  },
  bots
).pipe(Command.withDescription("Sends bots to a server that walk and talk like people"))

const joinCommand = Command.make(
  "join",
  { ...where, nick: Flag.String("nick").pipe(Flag.withDefault(""), Flag.withDescription("Your nickname")) },
  join
).pipe(Command.withDescription("Joins a playground from this terminal"))

const doctorCommand = <F, G>(outside: Outside<F>, operator: Operator<G>) =>
  Command.make(
    "doctor",
    { json: Flag.Boolean("json").pipe(Flag.withDefault(false), Flag.withDescription("For machines to read")) },
    doctor
  ).pipe(
    Command.withDescription("Says what is wrong here, and exits with 1 if anything is"),
    Command.withSubcommands([auditCommand(outside), rebuildCommand(operator), redriveCommand(operator)])
  )

const auditCommand = <F>(outside: Outside<F>) =>
  Command.make(
    "audit",
    { repair: Flag.Boolean("repair").pipe(Flag.withDefault(false), Flag.withDescription("Mends what it finds")) },
    ({ repair }) => auditPresence(outside, { repair, variables: process.env, print })
  ).pipe(
    Command.withDescription(
      "Says who stands in the shared space and should not, and exits with 1 if anything is wrong there"
    )
  )

const rebuildCommand = <F>(operator: Operator<F>) =>
  Command.make("rebuild", {}, () => rebuild(operator, process.stdout, process.env)).pipe(
    Command.withDescription("Puts together from the log what guests have, where Redis has lost it")
  )

const redriveCommand = <F>(operator: Operator<F>) =>
  Command.make(
    "redrive",
    { topic: Flag.String("topic").pipe(Flag.withDefault(""), Flag.withDescription("Of this topic; of all otherwise")) },
    ({ topic }) => redrive(operator, process.stdout, process.env, topic)
  ).pipe(Command.withDescription("Appends anew what could not be decided, when the reason is mended"))

// --- internal ---

/** Said in one line where the error is one that an operator can mend; whole where it is a bug. */
const report = (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  if (Cause.hasInterruptsOnly(cause)) return Effect.void
  const error = Cause.squash(cause)
  if (!Runtime.getErrorReported(error)) return Effect.void
  if (Cause.hasDies(cause)) return Effect.logFatal("a bug in noriter", cause)
  return Effect.sync(() => void process.stderr.write(`noriter: ${plainly(error)}\n`))
}

/** What a person would say of an error: a system error somewhere below says most. */
export const plainly = (error: unknown): string => {
  const system = systemError(error, 0)
  if (system?.code === "EADDRINUSE") return `the port ${system.port ?? ""} is in use: ${system.message}`
  if (error instanceof Error && error.message !== "") return error.message
  return system === undefined ? String(error) : system.message
}

interface SystemError {
  readonly code: string
  readonly message: string
  readonly port: number | undefined
}

function systemError(error: unknown, depth: number): SystemError | undefined {
  if (typeof error !== "object" || error === null || depth > causesMax) return undefined
  if (error instanceof Error && "code" in error && typeof error.code === "string") {
    const port = "port" in error && typeof error.port === "number" ? error.port : undefined
    return { code: error.code, message: error.message, port }
  }
  const below = "cause" in error ? error.cause : "reason" in error ? error.reason : undefined
  return systemError(below, depth + 1)
}

const causesMax = 8

function leaveAtSecondSignal(): void {
  let signals = 0
  const count = () => {
    if (++signals === 2) process.exit(130)
  }
  process.on("SIGINT", count)
  process.on("SIGTERM", count)
}

function count(name: string, otherwise: number, what: string): Flag.Flag<number> {
  return Flag.Int(name).pipe(
    Flag.filter(
      (value) => value >= 0,
      (value) => `--${name} must be 0 or more, not ${value}`
    ),
    Flag.withDefault(otherwise),
    Flag.withDescription(what)
  )
}
