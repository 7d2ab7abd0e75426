/**
 * `noriter doctor`: what is wrong on this machine, with these settings, said so that an operator can mend it. Owns the
 * list of findings; it changes nothing anywhere, and a server that runs already is spoken to as a phone would.
 */
import { spawn } from "node:child_process"
import { X509Certificate } from "node:crypto"
import { readFile } from "node:fs/promises"
import * as Net from "node:net"
import { createSecureContext } from "node:tls"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Runtime from "effect/Runtime"
import { connect } from "../../sdk/typescript/src/Plaza.ts"
import { tcp } from "../../sdk/typescript/src/Tcp.ts"
import { readWorld } from "../plaza/playground/World.ts"
import { clusterOf, fromEnv, refusals, strangers, type Values, warnings } from "../Settings.ts"
import { fileDescriptorsFor, fileDescriptorsMax } from "../telemetry/FileDescriptors.ts"

/** `note`: worth knowing, and no reason to fail. */
export type Verdict = "fine" | "note" | "wrong"

export interface Finding {
  readonly check: string
  readonly verdict: Verdict
  readonly detail: string
}

/** Something is wrong. It has been said already, so only the exit code is left. */
class SomethingWrong extends Data.TaggedError("SomethingWrong")<{ readonly findings: ReadonlyArray<Finding> }> {
  override readonly [Runtime.errorReported] = false
  override readonly [Runtime.errorExitCode] = 1
}

/** Prints the findings to stdout; fails if anything is wrong. */
export const doctor = Effect.fnUntraced(function* (options: { readonly json: boolean }) {
  const findings = yield* examine(process.env)
  const wrong = findings.filter(({ verdict }) => verdict === "wrong")
  const text = options.json ? JSON.stringify({ ok: wrong.length === 0, findings }) : page(findings)
  process.stdout.write(`${text}\n`)
  if (wrong.length > 0) return yield* new SomethingWrong({ findings: wrong })
})

/** All findings for these variables. */
export const examine = Effect.fnUntraced(function* (variables: Record<string, string | undefined>) {
  const findings: Array<Finding> = [nodeVersion()]
  const settings = yield* Effect.result(fromEnv(variables))
  if (Result.isFailure(settings)) return [...findings, wrong("settings", settings.failure.message)]
  const values = settings.success
  findings.push(
    fileDescriptors(values),
    ...judged(values, variables),
    yield* zookeeperAddon(values),
    yield* certificate(values)
  )
  if (Option.isSome(values.world)) findings.push(yield* world(values.world.value))
  findings.push(yield* phonesPort(values), yield* operatorsPort(values))
  const reached = yield* Effect.forEach(neighbours(values), reach, { concurrency: "unbounded" })
  return [...findings, ...reached, ...(yield* servers(values))]
})

/** One finding a line, for people. */
export const page = (findings: ReadonlyArray<Finding>): string => {
  const width = Math.max(...findings.map(({ check }) => check.length))
  return findings
    .map(({ check, verdict, detail }) => `${verdict.padEnd(5)}  ${check.padEnd(width)}  ${detail}`)
    .join("\n")
}

// --- This machine ---

const fine = (check: string, detail: string): Finding => ({ check, verdict: "fine", detail })
const note = (check: string, detail: string): Finding => ({ check, verdict: "note", detail })
const wrong = (check: string, detail: string): Finding => ({ check, verdict: "wrong", detail })

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

function nodeVersion(): Finding {
  const major = Number(process.versions.node.split(".")[0])
  return major === 24
    ? fine("node", process.versions.node)
    : wrong("node", `${process.versions.node}: noriter is built and tested on 24`)
}

/** Each phone takes one. */
function fileDescriptors({ socketsMax }: Pick<Values, "socketsMax">): Finding {
  const most = fileDescriptorsMax()
  const needed = fileDescriptorsFor(socketsMax)
  const detail = `${most}, and each phone takes one (ulimit -n)`
  if (most < 1024) return wrong("file descriptors", detail)
  if (most >= needed) return fine("file descriptors", detail)
  return note("file descriptors", `${detail}; for NORITER_SOCKETS_MAX=${socketsMax} there should be ${needed}`)
}

/** In a process of its own: an addon that does not fit may end the one that loads it. */
const zookeeperAddon = Effect.fnUntraced(function* (settings: Values) {
  const loads = yield* Effect.callback<boolean>((resume) => {
    const child = spawn(process.execPath, ["-e", 'require("zookeeper")'], { cwd: import.meta.dirname, stdio: "ignore" })
    child.on("error", () => resume(Effect.succeed(false)))
    child.on("exit", (code) => resume(Effect.succeed(code === 0)))
    return Effect.sync(() => child.kill())
  })
  if (loads) return fine("zookeeper addon", "loads")
  const detail = "does not load; `npm rebuild` builds it, given a compiler"
  return Option.isSome(settings.zookeeper)
    ? wrong("zookeeper addon", detail)
    : note("zookeeper addon", `${detail}; embedded does without`)
})

// --- Settings ---

function judged(settings: Values, variables: Record<string, string | undefined>): ReadonlyArray<Finding> {
  const unknown = strangers(variables).map((name) => note("settings", `${name} is no setting of this version`))
  const refused = refusals(settings).map((reason) => wrong("settings", reason))
  const warned = warnings(settings).map((warning) => note("settings", warning))
  const all = [...refused, ...unknown, ...warned]
  return all.length === 0 ? [fine("settings", "all of them can be used")] : all
}

const certificate = ({ tlsCert, tlsKey }: Values) =>
  Effect.promise(async () => {
    if (Option.isNone(tlsCert) || Option.isNone(tlsKey)) return note("tls", "off")
    try {
      const [cert, key] = await Promise.all([readFile(tlsCert.value), readFile(tlsKey.value)])
      createSecureContext({ cert, key })
      const { validTo, validFrom } = new X509Certificate(cert)
      const now = Date.now()
      if (now > Date.parse(validTo) || now < Date.parse(validFrom)) {
        return wrong("tls", `the certificate is valid from ${validFrom} to ${validTo}`)
      }
      return fine("tls", `valid to ${validTo}`)
    } catch (cause) {
      return wrong("tls", messageOf(cause))
    }
  })

const world = (path: string) =>
  Effect.map(Effect.result(readWorld(path)), (read) =>
    Result.isSuccess(read)
      ? fine("world", `${read.success.length} playgrounds in ${path}`)
      : wrong("world", read.failure.message)
  )

// --- Ports, and who answers there ---

const phonesPort = Effect.fnUntraced(function* (settings: Values) {
  const { host, tcpPort: port } = settings
  const free = yield* isFree(host, port)
  if (free !== "taken") return portFinding("port for phones", host, port, free)
  if (Option.isSome(settings.tlsCert))
    return note("port for phones", `${host}:${port} is taken; with TLS, not asked further`)
  const greeted = yield* Effect.result(greet(host, port))
  return Result.isSuccess(greeted)
    ? fine("port for phones", `a Noriter answers at ${host}:${port}, in ${greeted.success} ms`)
    : wrong("port for phones", `${host}:${port} is taken, and not by a Noriter that answers: ${greeted.failure}`)
})

const operatorsPort = Effect.fnUntraced(function* (settings: Values) {
  const { host, httpPort: port } = settings
  const free = yield* isFree(host, port)
  if (free !== "taken") return portFinding("port for operators", host, port, free)
  if (Option.isSome(settings.tlsCert))
    return note("port for operators", `${host}:${port} is taken; with TLS, not asked further`)
  return yield* Effect.promise(async () => {
    try {
      const response = await fetch(`http://${bracketed(host)}:${port}/readyz`, {
        signal: AbortSignal.timeout(answerMs)
      })
      const text = (await response.text()).slice(0, 200).trim().replaceAll("\n", ", ")
      return response.status === 200
        ? fine("port for operators", `/readyz says ready at ${host}:${port}`)
        : wrong("port for operators", `/readyz at ${host}:${port} says ${response.status}: ${text}`)
    } catch (cause) {
      return wrong("port for operators", `${host}:${port} is taken, and /readyz fails there: ${messageOf(cause)}`)
    }
  })
})

function portFinding(check: string, host: string, port: number, free: string): Finding {
  if (port === 0) return fine(check, "any that is free")
  return free === "free" ? fine(check, `${host}:${port} is free`) : wrong(check, `${host}:${port}: ${free}`)
}

/** `free`, `taken`, or what is wrong with the address. */
const isFree = (host: string, port: number) =>
  Effect.callback<string>((resume) => {
    const server = Net.createServer()
    server.once("error", (error: NodeJS.ErrnoException) =>
      resume(Effect.succeed(error.code === "EADDRINUSE" ? "taken" : error.message))
    )
    server.listen({ host, port }, () => server.close(() => resume(Effect.succeed("free"))))
    return Effect.sync(() => server.close())
  })

/** A hello and a ping, as a phone would; gives how long the ping took, in ms. */
const greet = (host: string, port: number) =>
  Effect.acquireUseRelease(
    Effect.sync(() => connect({ transport: tcp({ host, port }), nickname: "doctor", sdk: "noriter-doctor" })),
    (plaza) =>
      Effect.callback<number, string>((resume) => {
        const failed = (why: string) => resume(Effect.fail(why))
        plaza.on("state", ({ state, why }) => {
          if (state === "waiting" || state === "closed") failed(why)
        })
        plaza.on("session", () => {
          const asked = performance.now()
          const answered = () => resume(Effect.succeed(Math.ceil(performance.now() - asked)))
          plaza.ping().then(answered, (error: Error) => failed(error.message))
        })
      }),
    (plaza) => Effect.sync(() => plaza.close())
  ).pipe(Effect.timeoutOrElse({ duration: answerMs, orElse: () => Effect.fail(`no answer within ${answerMs} ms`) }))

// --- Others that the settings name ---

interface Neighbour {
  readonly check: string
  readonly host: string
  readonly port: number
}

function neighbours(settings: Values): ReadonlyArray<Neighbour> {
  const all: Array<Neighbour> = []
  const add = (check: string, url: string, port: number) => {
    if (!URL.canParse(url)) return
    const { hostname, port: given } = new URL(url)
    all.push({ check, host: hostname.replace(/^\[|\]$/g, ""), port: given === "" ? port : Number(given) })
  }
  if (Option.isSome(settings.otlpUrl)) {
    add("otlp", settings.otlpUrl.value, settings.otlpUrl.value.startsWith("https") ? 443 : 80)
  }
  if (Option.isSome(settings.redisUrl)) add("redis", Redacted.value(settings.redisUrl.value), 6379)
  if (Option.isSome(settings.zookeeper)) {
    for (const one of settings.zookeeper.value.split(",")) add("zookeeper", `tcp://${one.split("/")[0]}`, 2181)
  }
  if (Option.isSome(settings.kafkaBrokers)) {
    for (const one of settings.kafkaBrokers.value) add("kafka", `tcp://${one}`, 9092)
  }
  return all
}

/** Whether anything listens there. */
const reach = ({ check, host, port }: Neighbour) =>
  Effect.callback<Finding>((resume) => {
    const socket = Net.connect({ host, port, timeout: answerMs })
    const found = (finding: Finding) => {
      socket.destroy()
      resume(Effect.succeed(finding))
    }
    socket.on("connect", () => found(fine(check, `reached at ${host}:${port}`)))
    socket.on("timeout", () => found(wrong(check, `${host}:${port} does not answer`)))
    socket.on("error", (error) => found(wrong(check, `${host}:${port}: ${error.message}`)))
    return Effect.sync(() => socket.destroy())
  })

/** What the three servers say of themselves; their clients are loaded only where they are named. */
const servers = Effect.fnUntraced(function* (settings: Values) {
  const cluster = clusterOf(settings)
  if (cluster === undefined) return []
  const { redisUrl, kafkaBrokers: brokers, kafkaAccount, prefixes } = cluster
  const { ask } = yield* Effect.promise(() => import("../link/ServerReport.ts"))
  const sasl = kafkaAccount && { mechanism: settings.kafkaSasl, ...kafkaAccount }
  const kafka = { brokers, tls: settings.kafkaTls, sasl, prefix: prefixes.kafka }
  const zookeeper = {
    servers: cluster.zookeeper,
    sessionMs: settings.rosterSessionMs,
    account: cluster.zookeeperAccount,
    prefix: prefixes.zookeeper
  }
  const remarks = yield* ask({ redisUrl, kafka, zookeeper })
  return remarks.map(({ server, verdict, detail }): Finding => ({ check: server, verdict, detail }))
})

const answerMs = 3000
const bracketed = (host: string): string => (host.includes(":") ? `[${host}]` : host)
