/** What befalls Redis (F11 to F17): restarted, emptied, frozen, slow, deaf to its subscribers, replaced, unable to save. */
import { mkdir, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { openCutter } from "../../services/Cutter.ts"
import { percentile, pingsOf } from "../Checkers.ts"
import type { Party } from "../Party.ts"
import { pause, until } from "../Party.ts"
import type { Row, Scene } from "../Scene.ts"

const presentAtMost = 5_000
const calmMs = 3_000

const restarted: Row = {
  id: "F11",
  title: "Redis is restarted, then killed, under load; it keeps what it had, but for its last second",
  phones: 45,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await scene.calm(calmMs)
      const atMs = performance.now()
      await scene.fault(`Redis gets ${signal} and starts`, () => cluster.set.bounce(cluster.nameOf("redis"), signal))
      const upMs = performance.now()
      // Its last second may be lost.
      scene.forget()
      await scene.presence(party, upMs, presentAtMost)
      scene.forget()
      await scene.works(party, upMs, 10_000)
      scene.undisturbed(party.travellers, atMs)
    }
  }
}

/** Who was told, since then, that the channel's history is another one. */
const toldOfEpoch = (party: Party, sinceMs: number): number =>
  party.inside.filter(({ events }) =>
    events.some(
      (event) => event.kind === "gap" && event.atMs >= sinceMs && event.streams.some(({ name }) => name === "park/1")
    )
  ).length

export const emptied: Row = {
  id: "F12",
  title: "Redis is emptied (FLUSHALL)",
  phones: 45,
  runs: 3,
  run: async (scene, party) => {
    await scene.calm(calmMs)
    const atMs = performance.now()
    await scene.fault("FLUSHALL", () => scene.cluster.redis.flushall())
    scene.forget()
    await scene.presence(party, atMs, presentAtMost)
    await until(60_000, () => toldOfEpoch(party, atMs) === party.inside.length, "all are told of the new epoch")
    scene.note("all are told of the new epoch after", performance.now() - atMs, "ms", { atMost: 10_000 })
    await scene.works(party, atMs, 15_000)
    scene.undisturbed(party.travellers, atMs)
  }
}

const frozenForMs = 30_000

const frozen: Row = {
  id: "F13",
  title: "Redis is frozen for 30 s",
  phones: 45,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(calmMs)
    const before = await scene.memory()
    const atMs = performance.now()
    await scene.fault("Redis stands still", async () => {
      await cluster.signal("redis", "SIGSTOP")
      await pause(frozenForMs)
      await scene.grown(before, 50)
      await cluster.signal("redis", "SIGCONT")
    })
    const healedMs = performance.now()
    await scene.presence(party, healedMs, presentAtMost)
    await scene.works(party, healedMs, presentAtMost)
    scene.undisturbed(party.travellers, atMs)
  }
}

const slow: Row = {
  id: "F14",
  title: "Redis pauses for 3 s, and then everything to it and back takes 200 ms",
  shape: { wired: ["redis", "zookeeper"] },
  phones: 30,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(calmMs)
    const atMs = performance.now()
    const wires = cluster.runners.map((id) => cluster.wireOf(id, "redis"))
    await scene.fault("CLIENT PAUSE 3000 ALL", async () => {
      await cluster.redis.client("PAUSE", 3_000, "ALL")
      await pause(3_500)
    })
    await scene.fault("200 ms each way", async () => {
      for (const wire of wires) wire.delay(200)
      await pause(6_000)
      for (const wire of wires) wire.heal()
    })
    await pause(2_000)
    const healedMs = performance.now()
    await scene.calm(calmMs)
    const calm = percentile(pingsOf(party.travellers, atMs - calmMs, atMs), 0.99)
    scene.note("ping p99, 2 s after", percentile(pingsOf(party.travellers, healedMs, performance.now()), 0.99), "ms", {
      atMost: 2 * calm
    })
    await scene.works(party, healedMs, presentAtMost)
    scene.undisturbed(party.travellers, atMs)
  }
}

const limit = "client-output-buffer-limit"

const deaf: Row = {
  id: "F15",
  title: "subscribers of Redis are cut, and overflow, while commands go on",
  phones: 30,
  runs: 3,
  run: async (scene, party) => {
    const { redis } = scene.cluster
    await pause(1_000)
    const atMs = performance.now()
    for (let times = 0; times < 3; times++) {
      await scene.fault("CLIENT KILL TYPE pubsub", async () => {
        for (let lines = 0; lines < 5; lines++) party.pick()?.say()
        await redis.call("CLIENT", "KILL", "TYPE", "pubsub")
        for (let lines = 0; lines < 5; lines++) party.pick()?.say()
      })
      await pause(700)
    }
    await scene.fault("subscribers have room for 1 kB, and a burst comes", async () => {
      await redis.config("SET", limit, "pubsub 1024 0 0")
      for (const one of party.inside) for (let lines = 0; lines < 5; lines++) one.say()
      await pause(2_000)
      await redis.config("SET", limit, "pubsub 268435456 67108864 60")
    })
    await scene.works(party, performance.now(), presentAtMost)
    scene.undisturbed(party.travellers, atMs)
  }
}

const failOver: Row = {
  id: "F16",
  title: "a replica that lags takes the place of Redis; the old one comes back",
  shape: { wired: ["redis", "zookeeper"] },
  phones: 30,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    const { port, hostname } = new URL(cluster.urls.redis)
    const link = await openCutter(new URL(`tcp://${hostname}:${port}`))
    const replica = await cluster.set.start("redis")
    const other = cluster.redis.duplicate({ port: Number(new URL(replica).port) })
    try {
      await other.replicaof("127.0.0.1", link.port)
      await until(
        20_000,
        async () => /master_link_status:up/.test(await other.info("replication")),
        "the replica follows"
      )
      await scene.calm(calmMs)
      await scene.fault("the replica lags", async () => {
        link.silence("down")
        // What is lost with the old one: who came, and who is elsewhere now.
        const sinceMs = performance.now()
        const elsewhere = party.inside.slice(0, 6)
        for (const one of elsewhere) one.switchTo(scene.one(cluster.addresses().filter((port) => port !== one.port)))
        const late = party.add(3)
        await scene.back([...elsewhere, ...late], sinceMs)
        await pause(1_000)
      })
      const atMs = performance.now()
      await scene.fault("it takes over", async () => {
        await cluster.signal("redis", "SIGSTOP")
        await other.replicaof("NO", "ONE")
        cluster.failOver(replica)
        scene.forget()
      })
      await scene.presence(party, atMs, presentAtMost)
      scene.forget()
      await cluster.signal("redis", "SIGCONT")
      await scene.works(party, atMs, 15_000)
      scene.undisturbed(party.travellers, atMs)
    } finally {
      other.disconnect()
      link.close()
    }
  }
}

/** Whether it refuses to be written. */
const refuses = async ({ cluster }: Scene): Promise<boolean> =>
  await cluster.redis.set(`${cluster.prefix}-probe`, "1").then(
    () => false,
    (error: unknown) => String(error).includes("MISCONF")
  )

const unsaved: Row = {
  id: "F17",
  title: "Redis cannot save, and refuses to be written (MISCONF)",
  phones: 30,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    const { redis } = cluster
    await scene.calm(calmMs)
    const atMs = performance.now()
    // Where its snapshot would be is something that no file can take the place of.
    const inTheWay = join(cluster.set.folderOf(cluster.nameOf("redis")), "dump.rdb", "full")
    await scene.fault("nothing can be saved", async () => {
      // A run before has saved there in the end.
      await rm(dirname(inTheWay), { recursive: true, force: true })
      await mkdir(inTheWay, { recursive: true })
      await redis.config("SET", "save", "3600 1")
      await redis.bgsave().catch(() => undefined)
      await until(60_000, () => refuses(scene), "Redis refuses")
      await pause(5_000)
      await rm(dirname(inTheWay), { recursive: true })
      await redis.bgsave()
      await until(60_000, async () => !(await refuses(scene)), "Redis takes")
    })
    const healedMs = performance.now()
    await redis.config("SET", "save", "")
    await redis.del(`${cluster.prefix}-probe`)
    await scene.presence(party, healedMs, presentAtMost)
    await scene.works(party, healedMs, presentAtMost)
    scene.undisturbed(party.travellers, atMs)
  }
}

export const redis: ReadonlyArray<Row> = [restarted, emptied, frozen, slow, deaf, failOver, unsaved]
