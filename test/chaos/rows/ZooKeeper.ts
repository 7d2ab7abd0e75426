/** What befalls ZooKeeper (F24 to F26): away for less and more than a session, frozen, silent towards one runner. */
import { pause, until } from "../Party.ts"
import type { Row, Scene } from "../Scene.ts"
import { goneAtMost } from "./Runners.ts"

const calmMs = 2_000

const short: Row = {
  id: "F24",
  title: "ZooKeeper is restarted within a session",
  phones: 45,
  runs: 3,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(calmMs)
    const atMs = performance.now()
    await scene.fault("ZooKeeper is restarted", () => cluster.set.bounce("zookeeper", "SIGTERM"))
    await pause(2 * cluster.shape.sessionMs)
    scene.undisturbed(party.travellers, atMs)
  }
}

const long: Row = {
  id: "F25",
  title: "ZooKeeper is killed and comes back after three sessions; a runner is killed meanwhile",
  phones: 45,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(calmMs)
    const atMs = performance.now()
    const victim = scene.one(cluster.runners)
    const own = party.on(scene.portOf(victim))
    const others = party.inside.filter((one) => !own.includes(one))
    for (const one of own) one.stayAway()
    await scene.fault("ZooKeeper is away", async () => {
      await cluster.signal("zookeeper", "SIGKILL")
      await pause(cluster.shape.sessionMs * 2)
      await cluster.kill(victim)
      await pause(cluster.shape.sessionMs)
      await cluster.set.revive("zookeeper")
    })
    const backMs = performance.now()
    // Who died while nobody could see it is judged by those who see again for a while.
    scene.note("gone after ZooKeeper is back", await scene.gone(party, own, backMs), "ms", { atMost: 2 * goneAtMost })
    scene.bystanders(others, atMs - calmMs, atMs)
  }
}

const owners = async (scene: Scene): Promise<ReadonlySet<string>> =>
  new Set((await scene.look()).members.map(({ incarnation }) => incarnation))

const mass: Row = {
  id: "F25b",
  title: "ZooKeeper is frozen for three sessions, and all expire at once",
  phones: 45,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(calmMs)
    const before = await owners(scene)
    const atMs = performance.now()
    await scene.fault("ZooKeeper stands still", async () => {
      await cluster.signal("zookeeper", "SIGSTOP")
      await pause(3 * cluster.shape.sessionMs)
      await cluster.signal("zookeeper", "SIGCONT")
    })
    const backMs = performance.now()
    await until(60_000, async () => [...(await owners(scene))].every((owner) => !before.has(owner)), "all are anew")
    scene.note("new incarnations after", performance.now() - backMs, "ms", { atMost: 2_000 })
    await pause(goneAtMost)
    scene.undisturbed(party.travellers, atMs)
  }
}

const alone: Row = {
  id: "F26",
  title: "one runner loses its session with ZooKeeper, and nothing else",
  phones: 45,
  runs: 20,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(1_000)
    const victim = scene.one(cluster.runners)
    const before = (await scene.look()).members.find(({ runner }) => runner === victim)?.incarnation
    const atMs = performance.now()
    const wire = cluster.wireOf(victim, "zookeeper")
    await scene.fault(`${victim} and ZooKeeper do not hear each other`, async () => {
      wire.silence("up", "down")
      await pause(2 * cluster.shape.sessionMs)
      wire.heal()
    })
    const healedMs = performance.now()
    await until(60_000, async () => {
      const own = (await scene.look()).members.filter(({ runner }) => runner === victim)
      return own.length > 0 && own.every(({ incarnation }) => incarnation !== before)
    })
    scene.note("its users under the new incarnation after", performance.now() - healedMs, "ms", { atMost: 5_000 })
    scene.undisturbed(party.travellers, atMs)
  }
}

const cutOff: Row = {
  id: "F26b",
  title: "one runner loses ZooKeeper and Redis, is swept, and comes back",
  shape: { wired: ["redis", "zookeeper"] },
  phones: 45,
  runs: 10,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(1_000)
    const victim = scene.one(cluster.runners)
    const own = party.on(scene.portOf(victim))
    scene.excuse(own)
    const before = await cluster.refusals(victim)
    const atMs = performance.now()
    const wires = (["redis", "zookeeper"] as const).map((backend) => cluster.wireOf(victim, backend))
    await scene.fault(`${victim} hears neither ZooKeeper nor Redis`, async () => {
      for (const wire of wires) wire.silence("up", "down")
      scene.note("swept after", await scene.gone(party, own, atMs), "ms")
      await pause(Math.max(0, atMs + 2 * cluster.shape.sessionMs - performance.now()))
      await scene.look()
      for (const wire of wires) wire.heal()
    })
    const healedMs = performance.now()
    await until(60_000, () => own.every(({ isInside }) => isInside), "all are in")
    await scene.presence(party, healedMs, 5_000)
    scene.note("refused by the fence", (await cluster.refusals(victim)) - before, "", { atLeast: 1 })
  }
}

export const zookeeper: ReadonlyArray<Row> = [short, long, mass, alone, cutOff]
