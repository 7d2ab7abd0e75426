/**
 * The random mix (F37): deeds of a schedule, one after another and into each other, and then rest, in which everything
 * must be as it should. Owns what each deed does; which and when is Schedule's.
 */
import type { Party } from "../Party.ts"
import { pause } from "../Party.ts"
import type { Row, Scene } from "../Scene.ts"
import { type Deed, type Step, scheduleOf } from "../Schedule.ts"

type Do = (scene: Scene, party: Party, step: Step) => Promise<void>

const oneOf = <A>(of: ReadonlyArray<A>, { whom }: Step): A | undefined => of[Math.floor(whom * of.length)]

/** Nothing is done to a server that another deed has taken already. */
const onRunner =
  (act: (scene: Scene, party: Party, id: string, step: Step) => Promise<void>): Do =>
  async (scene, party, step) => {
    const { cluster } = scene
    const free = cluster.runners.filter((id) => !cluster.isTaken(id))
    const id = oneOf(free, step)
    if (id === undefined) return
    await cluster.taking(id, () => act(scene, party, id, step))
  }

const frozenRunner = onRunner(async (scene, party, id, { forMs }) => {
  const { cluster } = scene
  scene.excuse(party.on(scene.portOf(id)))
  cluster.freeze(id)
  await pause(forMs)
  cluster.thaw(id)
})

const killedRunner = onRunner(async ({ cluster }, _party, id, { forMs }) => {
  await cluster.kill(id)
  await pause(forMs)
  await cluster.start(id)
})

const onWatcher =
  (act: (scene: Scene, id: string, step: Step) => Promise<void>): Do =>
  async (scene, _party, step) => {
    const id = oneOf(["watcher-0", "watcher-1"], step) ?? "watcher-0"
    if (!scene.cluster.isTaken(id)) await scene.cluster.taking(id, () => act(scene, id, step))
  }

const frozenServer =
  (backend: "zookeeper" | "kafka"): Do =>
  async ({ cluster }, _party, { forMs }) => {
    if (cluster.isTaken(backend)) return
    await cluster.taking(backend, async () => {
      await cluster.signal(backend, "SIGSTOP")
      await pause(forMs)
      await cluster.signal(backend, "SIGCONT")
    })
  }

const restartedServer =
  (backend: "zookeeper" | "kafka" | "redis"): Do =>
  async (scene, _party, { whom }) => {
    const { cluster } = scene
    if (cluster.isTaken(backend)) return
    await cluster.taking(backend, () => cluster.set.bounce(cluster.nameOf(backend), whom < 0.5 ? "SIGTERM" : "SIGKILL"))
    scene.forget()
  }

const acts: Readonly<Record<Deed, Do>> = {
  "kill a runner": killedRunner,
  "kill two runners": async (...given) => void (await Promise.all([killedRunner(...given), killedRunner(...given)])),
  "stop a runner": onRunner(async ({ cluster }, _party, id) => {
    await cluster.stop(id)
    await cluster.start(id)
  }),
  "freeze a runner shortly": async (scene, party, step) => frozenRunner(scene, party, { ...step, forMs: 3_000 }),
  "freeze a runner past its session": async (scene, party, step) =>
    frozenRunner(scene, party, { ...step, forMs: 2 * scene.cluster.shape.sessionMs }),
  "kill a watcher": onWatcher(async ({ cluster }, id, { forMs }) => {
    await cluster.kill(id)
    await pause(forMs)
    await cluster.watch(id)
  }),
  "freeze a watcher": onWatcher(async ({ cluster }, id, { forMs }) => {
    cluster.freeze(id)
    await pause(forMs)
    cluster.thaw(id)
  }),
  "restart ZooKeeper": restartedServer("zookeeper"),
  "freeze ZooKeeper": frozenServer("zookeeper"),
  "silence ZooKeeper for a runner": onRunner(async ({ cluster }, _party, id, { forMs }) => {
    const wire = cluster.wireOf(id, "zookeeper")
    wire.silence("up", "down")
    await pause(forMs)
    wire.heal()
  }),
  "restart Redis": restartedServer("redis"),
  "empty Redis": async (scene) => {
    if (scene.cluster.isTaken("redis")) return
    await scene.cluster.redis.flushall()
    scene.forget()
  },
  "pause Redis": async ({ cluster }, _party, { forMs }) => {
    if (!cluster.isTaken("redis")) await cluster.redis.client("PAUSE", Math.min(forMs, 3_000), "ALL")
  },
  "cut subscribers": async ({ cluster }) => {
    if (!cluster.isTaken("redis")) await cluster.redis.call("CLIENT", "KILL", "TYPE", "pubsub")
  },
  "restart Kafka": restartedServer("kafka"),
  "freeze Kafka": frozenServer("kafka"),
  "switch phones": async ({ cluster, random }, party) => {
    for (const one of party.inside) {
      if (random() > 0.2) continue
      const other = cluster.addresses().find((port) => port !== one.port)
      if (other !== undefined) one.switchTo(other)
    }
  },
  "lose phones": async ({ random }, party, { forMs }) => {
    for (const one of party.inside) if (random() < 0.2) one.lose(random() * forMs)
  }
}

/**
 * A runner stopped, Redis emptied twice, Kafka frozen, two runners killed: partitions were left to a runner that was not
 * told of them. Kafka frozen, a runner stopped, another frozen past its session: its phones asked again on it after their
 * sessions were over. Redis emptied for the fifteenth time of one plaza: those who were put back at once had each raised
 * the count of members by what it had seen missing, and nobody could come in. ZooKeeper frozen and then Redis emptied, and
 * subscribers cut and then Redis emptied: a line of which the answer was lost was asked again, and said again. ZooKeeper
 * frozen for long, several times: a runner that had a place again ended with SIGABRT.
 */
const found = [4_219_047_204, 1_314_823_934, 3_948_923_358, 3_318_506_892, 1_147_626_885, 1_805_027_648]

export const mix: Row = {
  id: "F37",
  title: "a random mix",
  phones: 45,
  runs: 4,
  seeds: found,
  run: async (scene, party) => {
    party.giftsPerSecond = 2
    const going: Array<Promise<void>> = []
    for (const step of scheduleOf(scene.seed)) {
      await pause(step.afterMs)
      going.push(scene.fault(step.deed, () => acts[step.deed](scene, party, step)))
    }
    await Promise.all(going)
    scene.forget()
  }
}
