/** What befalls Kafka and whoever reads it (F18 to F23): flowers are given all the while, and each counts once. */
import { Kafka as Client, type Kafka, logLevel } from "kafkajs"
import { partitionFor } from "../../../src/link/Topics.ts"
import type { Party } from "../Party.ts"
import { pause, until } from "../Party.ts"
import type { Row, Scene } from "../Scene.ts"

const calmMs = 2_000
const giftsPerSecond = 5

const operatorOf = ({ cluster }: Scene): Kafka =>
  new Client({ brokers: [cluster.urls.kafka], logLevel: logLevel.NOTHING })

/** Under gifts. */
const giving =
  (run: Row["run"]): Row["run"] =>
  async (scene, party) => {
    party.giftsPerSecond = giftsPerSecond
    await run(scene, party)
  }

const restarted: Row = {
  id: "F18",
  title: "Kafka is restarted, then killed, while lines are said and flowers given",
  phones: 30,
  runs: 2,
  run: giving(async (scene, party) => {
    const { cluster } = scene
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await scene.calm(calmMs)
      const atMs = performance.now()
      await scene.fault(`Kafka gets ${signal} and starts`, () => cluster.set.bounce("kafka", signal))
      const upMs = performance.now()
      await scene.works(party, upMs, 60_000)
      scene.undisturbed(party.travellers, atMs)
    }
  })
}

const frozenForMs = 300_000

const frozen: Row = {
  id: "F19",
  title: "Kafka is frozen for five minutes",
  phones: 30,
  runs: 1,
  run: giving(async (scene, party) => {
    const { cluster } = scene
    await scene.calm(calmMs)
    const before = await scene.memory()
    const atMs = performance.now()
    await scene.fault("Kafka stands still", async () => {
      await cluster.signal("kafka", "SIGSTOP")
      await pause(frozenForMs)
      await scene.grown(before, 50)
      await cluster.signal("kafka", "SIGCONT")
    })
    const steps = party.travellers.flatMap(({ events }) =>
      events.flatMap((event) => (event.kind === "step" && event.atMs > atMs ? [event.tookMs] : []))
    )
    scene.note("steps seen meanwhile", steps.length, "", { atLeast: 1 })
    await scene.works(party, performance.now(), 60_000)
    scene.undisturbed(party.travellers, atMs)
  })
}

const killsEach = 10

/** Ends when what was given has left the giver's pouch, by Redis; whatever its phone was told. */
async function given(scene: Scene, party: Party): Promise<void> {
  const { redis, prefix } = scene.cluster
  const members = new Map((await scene.look()).members.map(({ nickname, guest }) => [nickname, guest]))
  const giver = party.give()
  const key = `${prefix}:{${members.get(giver?.name ?? "")}}:meta`
  if (giver === undefined) return
  const had = await redis.hget(key, "applied")
  await until(3_000, async () => (await redis.hget(key, "applied")) !== had).catch(() => undefined)
}

export const consumerKilled: Row = {
  id: "F20",
  title: "whoever reads the log is killed after the effect and before it is written down that it was read; ten times",
  phones: 30,
  runs: 5,
  run: giving(async (scene, party) => {
    const { cluster } = scene
    for (let kill = 0; kill < (scene.isQuick ? 1 : killsEach); kill++) {
      await given(scene, party)
      await cluster.signal("kafka", "SIGSTOP")
      const victim = scene.one(cluster.runners)
      const atMs = performance.now()
      const own = party.on(scene.portOf(victim))
      await scene.fault(`${victim} is killed, Kafka standing still`, async () => {
        await cluster.kill(victim)
        await cluster.signal("kafka", "SIGCONT")
        await cluster.start(victim)
      })
      await scene.back(own, atMs)
    }
  })
}

const consumerFrozen: Row = {
  id: "F21",
  title: "whoever reads the log is frozen, others go on with its part, it comes back",
  phones: 30,
  runs: 3,
  run: giving(async (scene, party) => {
    const { cluster } = scene
    await scene.calm(calmMs)
    const victim = scene.one(cluster.runners)
    const own = party.on(scene.portOf(victim))
    scene.excuse(own)
    const atMs = performance.now()
    await scene.fault(`${victim} is frozen`, async () => {
      cluster.freeze(victim)
      for (const one of own) one.lose(0)
      await scene.back(own, atMs)
      await pause(20_000)
      cluster.thaw(victim)
    })
    await pause(2_000)
  })
}

const bad = 10
const good = 300
/** Whose records they are among, and of how many partitions. */
const tag = "park/1"
const partitions = 16

const poison: Row = {
  id: "F22",
  title: "records that nobody can read lie among good ones",
  phones: 30,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    const kafka = operatorOf(scene)
    const producer = kafka.producer()
    const admin = kafka.admin()
    await Promise.all([producer.connect(), admin.connect()])
    const topic = `${cluster.prefix}.noriter.channel.asked`
    const partition = partitionFor(tag, partitions)
    const buried = async () => {
      const offsets = await admin.fetchTopicOffsets(`${topic}.dead`)
      return offsets.reduce((sum, { offset }) => sum + Number(offset), 0)
    }
    try {
      const before = await buried()
      const atMs = performance.now()
      await scene.fault(`${bad} bad ones among ${good}`, async () => {
        for (let at = 0; at < good; at++) {
          party.pick()?.say()
          if (at % (good / bad) !== 0) continue
          const headers = { key: "noriter.topic.v1.LineAsked" }
          const messages = [{ key: tag, value: Buffer.from([0xff, at]), headers, partition }]
          await producer.send({ topic, messages })
        }
        await until(60_000, async () => (await buried()) - before >= bad, "the bad ones are buried").catch(
          () => undefined
        )
      })
      await scene.works(party, atMs, 30_000)
      scene.note("buried", (await buried()) - before, "", { atMost: bad, atLeast: bad })
    } finally {
      await Promise.all([producer.disconnect(), admin.disconnect()])
    }
  }
}

const forgotten: Row = {
  id: "F23",
  title: "the log's readers have forgotten how far they were (the group is deleted)",
  phones: 30,
  runs: 2,
  run: giving(async (scene, party) => {
    const { cluster } = scene
    await scene.calm(calmMs)
    const { inside } = party
    const atMs = performance.now()
    const admin = operatorOf(scene).admin()
    await admin.connect()
    try {
      await scene.fault("all runners leave, and the group is deleted", async () => {
        await Promise.all(cluster.runners.map((id) => cluster.stop(id)))
        const { groups } = await admin.listGroups()
        const own = groups.map(({ groupId }) => groupId).filter((id) => id.includes(cluster.prefix))
        scene.note("groups deleted", own.length, "", { atLeast: 1 })
        await admin.deleteGroups(own)
        await cluster.complete()
      })
    } finally {
      await admin.disconnect()
    }
    await scene.back(inside, atMs)
    await scene.works(party, performance.now(), 30_000)
  })
}

export const kafka: ReadonlyArray<Row> = [restarted, frozen, consumerKilled, consumerFrozen, poison, forgotten]
