import { type ChildProcess, spawn } from "node:child_process"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import { plainly } from "../../src/command/Noriter.ts"
import { fakeServer } from "./FakeServer.ts"

const program = fileURLToPath(new URL("./NoriterProcess.ts", import.meta.url))

/** The command in a process of its own. */
const run = Effect.fnUntraced(function* (args: ReadonlyArray<string>, variables: Record<string, string> = {}) {
  const output = { stdout: "", stderr: "" }
  const exited = Deferred.makeUnsafe<number>()
  const watchers = new Set<() => void>()
  const child = yield* Effect.acquireRelease(
    Effect.sync((): ChildProcess => {
      const env = { PATH: process.env.PATH, NORITER_HTTP_PORT: "0", NORITER_TCP_PORT: "0", ...variables }
      return spawn(process.execPath, [program, ...args], { env, stdio: "pipe" })
    }),
    (process) => Effect.sync(() => process.kill("SIGKILL"))
  )
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.on("data", (chunk: Buffer) => {
      output[name] += chunk.toString()
      for (const look of watchers) look()
    })
  }
  child.on("close", (code) => Deferred.doneUnsafe(exited, Effect.succeed(code ?? -1)))
  const said = (name: "stdout" | "stderr", what: RegExp) =>
    Effect.callback<void>((resume) => {
      const look = (): void => {
        if (!what.test(output[name])) return
        watchers.delete(look)
        resume(Effect.void)
      }
      watchers.add(look)
      look()
    })
  const { stdin } = child
  /** Whoever read what it prints goes. */
  const unread = () => {
    child.stdout?.destroy()
    child.stderr?.destroy()
  }
  return {
    output,
    stdin,
    unread,
    said,
    exited: Deferred.await(exited),
    signal: (name: NodeJS.Signals) => child.kill(name)
  }
})

describe("noriter", () => {
  it.live.each(["SIGTERM", "SIGINT"] as const)(
    "drains at %s and exits with 0; stdout is the ready line alone",
    (name) =>
      Effect.gen(function* () {
        const { output, said, exited, signal } = yield* run(["start"])
        yield* said("stdout", /\n/)
        signal(name)
        assert.strictEqual(yield* exited, 0)
        assert.match(output.stdout, /^noriter ready pid=\d+ tcp=127\.0\.0\.1:\d+ http=127\.0\.0\.1:\d+\n$/)
        assert.include(output.stderr, "drained")
        // No terminal here: each line of the log is JSON.
        for (const line of output.stderr.trim().split("\n")) assert.isObject(JSON.parse(line))
      }),
    20_000
  )

  it.live(
    "exits at once with 130 at a second signal",
    () =>
      Effect.gen(function* () {
        const { said, exited, signal } = yield* run(["start"], { FAKE_DRAIN: "never" })
        yield* said("stdout", /\n/)
        signal("SIGTERM")
        yield* said("stderr", /draining/)
        signal("SIGTERM")
        assert.strictEqual(yield* exited, 130)
      }),
    20_000
  )

  it.live(
    "says in one line that a port is in use, and exits with 1",
    () =>
      Effect.gen(function* () {
        const port = yield* Effect.acquireRelease(
          Effect.callback<{ readonly port: number; readonly close: () => void }>((resume) => {
            const server = createServer().listen(0, "127.0.0.1", () => {
              const address = server.address()
              const taken = typeof address === "object" && address !== null ? address.port : 0
              resume(Effect.succeed({ port: taken, close: () => server.close() }))
            })
          }),
          ({ close }) => Effect.sync(close)
        )
        for (const variable of ["NORITER_TCP_PORT", "NORITER_HTTP_PORT"]) {
          const { output, exited } = yield* run(["start", "--log-level", "error"], { [variable]: `${port.port}` })
          assert.strictEqual(yield* exited, 1)
          assert.strictEqual(output.stdout, "")
          assert.match(output.stderr, /^noriter: [^\n]*the port[^\n]* is in use[^\n]*\n$/)
        }
      }),
    20_000
  )

  it.live(
    "names a setting that cannot be read, and exits with 1",
    () =>
      Effect.gen(function* () {
        const { output, exited } = yield* run(["start"], { NORITER_TICK: "fast" })
        assert.strictEqual(yield* exited, 1)
        assert.match(output.stderr, /^noriter: NORITER_TICK must be a duration/)
        // A watcher listens, and has an account, like all others.
        const watched = { NORITER_REDIS_URL: "redis://127.0.0.1:1", NORITER_ZOOKEEPER: "127.0.0.1:1" }
        const [bare, half] = yield* Effect.all([
          run(["watch"], { ...watched, NORITER_HOST: "0.0.0.0" }),
          run(["watch"], { ...watched, NORITER_ZOOKEEPER_USER: "noriter" })
        ])
        assert.deepStrictEqual(yield* Effect.all([bare.exited, half.exited]), [1, 1])
        assert.match(bare.output.stderr, /^noriter: NORITER_HOST=0\.0\.0\.0 is not loopback[^\n]*\n$/)
        assert.match(half.output.stderr, /^noriter: NORITER_ZOOKEEPER_USER and [^\n]* belong together[^\n]*\n$/)
      }),
    20_000
  )

  it.live(
    "joins from a pipe: says each line, prints what it hears, and leaves at the end of its input",
    () =>
      Effect.gen(function* () {
        const server = yield* fakeServer
        const { output, stdin, said, exited } = yield* run(["join", "--port", `${server.port}`, "--nick", "바람"])
        stdin?.write("안녕\n")
        yield* said("stdout", /^바람#\d+: 안녕$/m)
        stdin?.end()
        assert.strictEqual(yield* exited, 0)
        assert.strictEqual(output.stderr, "")
      }),
    20_000
  )

  it.live(
    "joins no more where one leaves before one is let in, which is no failure",
    () =>
      Effect.gen(function* () {
        const server = yield* fakeServer
        server.answer = ({ key }) => (key === "enter" ? "nothing" : undefined)
        const { output, stdin, exited } = yield* run(["join", "--port", `${server.port}`])
        yield* server.heard(({ key }) => key === "enter")
        stdin?.write("/quit\n")
        assert.strictEqual(yield* exited, 0)
        assert.strictEqual(output.stderr, "")
        const sentAway = yield* run(["join", "--port", `${server.port}`])
        yield* server.heard(({ key }) => key === "enter" && server.lines.filter((one) => one.key === key).length === 2)
        server.tell({ disconnect: { code: "DISCONNECT_CODE_REPLACED", message: "you are elsewhere" } })
        assert.strictEqual(yield* sentAway.exited, 1)
        assert.strictEqual(sentAway.output.stderr, "noriter: DISCONNECT_CODE_REPLACED you are elsewhere\n")
      }),
    20_000
  )

  it.live(
    "ends no server because nobody reads what it prints, and joins no more where it is what one hears",
    () =>
      Effect.gen(function* () {
        const server = yield* run(["start"])
        yield* server.said("stdout", /\n/)
        server.unread()
        server.signal("SIGTERM")
        assert.strictEqual(yield* server.exited, 0)

        const { port, heard } = yield* fakeServer
        const guest = yield* run(["join", "--port", `${port}`])
        guest.stdin?.write("안녕\n")
        yield* guest.said("stdout", /안녕/)
        guest.unread()
        guest.stdin?.write("안녕\n")
        yield* heard(({ key }) => key === "leave")
        assert.strictEqual(yield* guest.exited, 0)
      }),
    20_000
  )

  it.live(
    "says why nobody could join, in one line, and exits with 1",
    () =>
      Effect.gen(function* () {
        const { port } = yield* fakeServer
        const bots = yield* run(["bots", "1", "--port", `${port}`, "--playground", "nowhere"])
        assert.strictEqual(yield* bots.exited, 1)
        assert.strictEqual(bots.output.stderr, "noriter: there is no playground nowhere\n")
        const elsewhere = yield* run(["join", "--port", `${port}`, "--playground", "nowhere"])
        assert.strictEqual(yield* elsewhere.exited, 1)
        assert.match(elsewhere.output.stderr, /^noriter: there is no playground nowhere; there are [^\n]*\n$/)
        for (const wrong of ["0", "65536"]) {
          const { output, exited } = yield* run(["join", "--port", wrong])
          assert.strictEqual(yield* exited, 1)
          assert.include(output.stderr, `a port is from 1 to 65535, not ${wrong}`)
        }
      }),
    20_000
  )

  it.live(
    "knows --help, --version and what it does not know",
    () =>
      Effect.gen(function* () {
        const [help, version, unknown, bots] = yield* Effect.all([
          run(["--help"]),
          run(["--version"]),
          run(["dance"]),
          run(["bots", "0"])
        ])
        assert.deepStrictEqual(
          yield* Effect.all([help.exited, version.exited, unknown.exited, bots.exited]),
          [0, 0, 1, 1]
        )
        for (const name of ["start", "bots", "join", "doctor"]) assert.include(help.output.stdout, name)
        assert.include(version.output.stdout, "1.2.3")
        assert.include(bots.output.stderr, "1 to 10000")
      }),
    60_000
  )
})

describe("plainly", () => {
  it("says what an operator can act on", () => {
    const system = Object.assign(new Error("listen EADDRINUSE: address already in use 127.0.0.1:1"), {
      code: "EADDRINUSE",
      port: 1
    })
    assert.match(plainly({ _tag: "ListenFailed", cause: system }), /^the port 1 is in use/)
    assert.strictEqual(plainly(new Error("plain")), "plain")
    assert.strictEqual(plainly("text"), "text")
    const denied = Object.assign(new Error("listen EACCES: permission denied"), { code: "EACCES" })
    assert.strictEqual(plainly({ reason: { cause: denied } }), "listen EACCES: permission denied")
  })
})
