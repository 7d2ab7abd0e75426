/**
 * A runner over servers that want TLS and a password: it works, and with a wrong one it is refused at start by a message
 * that says where and never what; doctor says the same. ZooKeeper's nodes are the account's alone.
 */
import { execFile } from "node:child_process"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { account } from "../../scripts/services/Secured.ts"
import { connect, type Session, type ZooKeeperError } from "../../src/link/ZooKeeper.ts"
import { codeOf, visit } from "../e2e/Guest.ts"
import { mainFor, Server } from "../e2e/Server.ts"
import { ownServices, withServices } from "../services/Services.ts"

const timeoutMs = 240_000
const names = ["redis-secured", "kafka-secured", "zookeeper"] as const
const wrong = "not-the-password"
/** Where the nodes of the runner's prefix are. */
const root = "/secured.noriter"

await withServices("a runner over secured servers", [...names], () => {
  it.live("is refused with a wrong password, and works with the right one", () => secured, timeoutMs)
})

const secured = Effect.gen(function* () {
  const { set, urls } = yield* ownServices(...names)
  const trusted = join(set.folderOf("zookeeper"), "trusted.pem")
  const variables = {
    NORITER_REDIS_URL: urls["redis-secured"],
    NORITER_KAFKA_BROKERS: urls["kafka-secured"],
    NORITER_KAFKA_TLS: "on",
    NORITER_KAFKA_USER: account.username,
    NORITER_KAFKA_PASSWORD: account.password,
    NORITER_ZOOKEEPER: urls.zookeeper,
    NORITER_ZOOKEEPER_USER: account.username,
    NORITER_ZOOKEEPER_PASSWORD: account.password,
    NORITER_SECRET: "the secret of all runners",
    NORITER_PREFIX: "secured",
    NODE_EXTRA_CA_CERTS: trusted
  }
  yield* Effect.promise(async () => {
    const certificates = [set.folderOf("redis-secured"), set.folderOf("kafka-secured")]
    const texts = await Promise.all(certificates.map((folder) => readFile(join(folder, "cert.pem"), "utf8")))
    await writeFile(trusted, texts.join(""))
    await works(variables)
    const bad = {
      NORITER_REDIS_URL: urls["redis-secured"].replace(encodeURIComponent(account.password), wrong),
      NORITER_KAFKA_PASSWORD: wrong,
      NORITER_ZOOKEEPER_PASSWORD: wrong
    }
    for (const [name, value] of Object.entries(bad)) {
      const message = await Server.start({ ...variables, [name]: value }).catch((error: Error) => error.message)
      tellsWhy(String(message), refusals[name])
    }
    const said = await doctor({ ...variables, ...bad })
    for (const why of Object.values(refusals)) tellsWhy(said, why)
    const untrusting = await doctor({ ...variables, NODE_EXTRA_CA_CERTS: "" })
    assert.match(untrusting, /wrong +redis .*self-signed certificate.*wrong +kafka .*self-signed certificate/s)
  })
  yield* protectedNodes(urls.zookeeper)
}).pipe(Effect.scoped)

type Variables = Readonly<Record<string, string>>

async function works(variables: Variables): Promise<void> {
  await using server = await Server.start(variables)
  await using phone = (await visit(server.tcpPort, "바람")).phone
  assert.property(await phone.ask({ say: { text: "안녕", reach: "REACH_PLAYGROUND" } }), "say")
  assert.isUndefined(codeOf(await phone.ask({ listPlaygrounds: {} })))
  assert.notInclude(server.output, account.password)
  // Shown to Kafka in the other way than the runner did.
  const said = await doctor({ ...variables, NORITER_KAFKA_SASL: "plain" })
  assert.match(said, /fine +kafka +all \d+ topics are there/)
  assert.match(said, /fine +zookeeper +its nodes are those of noriter/)
}

const refusals: Readonly<Record<string, RegExp>> = {
  NORITER_REDIS_URL: /WRONGPASS/,
  NORITER_KAFKA_PASSWORD: /invalid credentials/,
  NORITER_ZOOKEEPER_PASSWORD: /ZooKeeper refuses this account/
}

/** And not what was tried, nor what would have been right. */
function tellsWhy(said: string, why: RegExp | undefined): void {
  assert.match(said, why ?? /^$/)
  for (const secret of [wrong, account.password, encodeURIComponent(account.password)]) assert.notInclude(said, secret)
}

const doctor = (variables: Variables): Promise<string> =>
  new Promise((resolve) => {
    const env = { ...process.env, NORITER_TCP_PORT: "0", NORITER_HTTP_PORT: "0", ...variables }
    execFile(process.execPath, [mainFor(), "doctor"], { env }, (_, stdout, stderr) => resolve(stdout + stderr))
  })

/** Neither read nor changed without the account, or with another. */
const protectedNodes = Effect.fnUntraced(function* (servers: string) {
  const another = { username: account.username, password: Redacted.make(wrong) }
  const own = { username: account.username, password: Redacted.make(account.password) }
  const [stranger, other] = [
    yield* connect({ servers, sessionMs: 6_000 }),
    yield* connect({ servers, sessionMs: 6_000, account: another })
  ]
  const ours = yield* connect({ servers, sessionMs: 6_000, account: own })
  const runner = yield* ours.create(`${root}/runners/one-`, "1", "ephemeral-sequential")
  const tries = (session: Session): ReadonlyArray<Effect.Effect<unknown, ZooKeeperError>> => [
    ...[root, `${root}/generation`, runner].map((path) => session.get(path)),
    ...[root, `${root}/generation`, runner].map((path) => session.set(path, "", -1)),
    ...[root, `${root}/runners`].map((path) => session.children(path)),
    session.create(`${root}/runners/two-`, "", "ephemeral-sequential"),
    session.remove(runner),
    session.remove(`${root}/generation`)
  ]
  for (const attempt of [...tries(stranger), ...tries(other)]) {
    assert.strictEqual((yield* Effect.flip(attempt)).reason, "NoAuth")
  }
  assert.strictEqual((yield* ours.get(runner)).data, "1")
})
