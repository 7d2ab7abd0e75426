/** What phones do to a plaza: come back too early, all at once, or not at all (F28 to F31, F36). */
import { onePlaceEach } from "../Checkers.ts"
import { pause, until } from "../Party.ts"
import type { Row } from "../Scene.ts"

export const reconnects: Row = {
  id: "F30",
  title: "phones come back to another runner, their old socket open or just gone; ten times each",
  phones: 100,
  runs: 1,
  run: async (scene, party) => {
    const { cluster, random } = scene
    const { inside } = party
    const times = scene.isQuick ? 2 : 10
    const total = times * inside.length
    await scene.fault(`${total} reconnects`, () =>
      Promise.all(
        inside.map(async (one) => {
          for (let time = 0; time < times; time++) {
            await scene.calm(random() * 2_000)
            await until(60_000, () => one.isInside, `${one.name} is in`)
            const sinceMs = performance.now()
            // Mostly soon; seldom as late as two sessions of ZooKeeper.
            const afterMs = scene.isQuick || random() < 0.8 ? random() * 1_000 : random() * 2 * cluster.shape.sessionMs
            if (random() < 0.5) one.switchTo(scene.one(cluster.addresses().filter((port) => port !== one.port)))
            else one.lose(afterMs)
            await scene.back([one], sinceMs)
            if (one.name.endsWith("0")) scene.require(onePlaceEach(await scene.look()))
          }
        })
      )
    )
    const back = inside.flatMap(({ events }) => events.filter(({ kind }) => kind === "resumed"))
    scene.note("reconnects", back.length, "", { atLeast: total })
    const told = back.filter((event) => event.kind === "resumed" && !event.recovered)
    scene.note("of them told of a gap", told.length, "")
  }
}

const storm: Row = {
  id: "F36",
  title: "all phones lose their runners at once, and come back when these do",
  shape: { variables: { NORITER_CELL_SHOWN_MAX: "32" } },
  phones: 1_000,
  isCrowded: true,
  runs: 1,
  run: async (scene, party) => {
    const { cluster } = scene
    const { runners } = cluster
    await scene.fault("all runners are killed", () => cluster.kill(...runners))
    await scene.fault("they start", () => cluster.complete())
    const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await cluster.redis.info("stats"))?.[1])
    const had = await commands()
    const tookMs = await until(60_000, () => party.inside.length === party.travellers.length, "all are in")
    scene.note("all in after", tookMs, "ms", { atMost: 10_000 })
    // Those that scripts call are counted, too.
    scene.note("commands to Redis a phone", ((await commands()) - had) / party.travellers.length, "")
    for (const id of runners) {
      const heap = await cluster.figure(id, "noriter_heap_bytes")
      scene.note(`heap of ${id}`, heap / 1_048_576, "MiB", { atMost: 1_024 })
    }
  }
}

/** How much a kernel holds for a socket is its own affair; some have held six megabytes. */
const burstsMax = 60
const linesEach = 30
/** As long as a line may be: what is unsent must be more than the kernel holds for a socket. */
const padding = "🌼".repeat(190)

const slow: Row = {
  id: "F28",
  title: "a phone stops reading in a busy plaza",
  phones: 20,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    const [slowest] = party.inside
    if (slowest === undefined) throw new Error("nobody is in")
    const others = party.inside.filter((one) => one !== slowest)
    const burst = async () => {
      for (const one of others) for (let line = 0; line < linesEach; line++) one.say(padding)
      await until(60_000, () => others.every(({ waiting }) => waiting === 0), "all is answered")
    }
    const sentAway = async () => {
      const counts = await Promise.all(cluster.runners.map((id) => cluster.figure(id, "noriter_outbox_slow_total")))
      return counts.reduce((sum, count) => sum + count, 0)
    }
    const before = await sentAway()
    const calmSinceMs = performance.now()
    await scene.fault("much is said, and all read", async () => {
      for (let times = 0; times < 3; times++) await burst()
    })
    const atMs = performance.now()
    await scene.fault("it reads nothing while much is said", async () => {
      slowest.stopReading()
      for (let times = 0; times < burstsMax && (await sentAway()) === before; times++) await burst()
    })
    const saidMs = performance.now()
    const tookMs = await scene.gone(party, [slowest], saidMs)
    scene.note("gone after the last line", tookMs, "ms", { atMost: 10_000 })
    scene.bystanders(others, calmSinceMs, atMs)
    slowest.depart()
    scene.lostOnce(party.travellers, [slowest])
  }
}

const asks = 10

const retried: Row = {
  id: "F31",
  title: "a runner stands still while it is asked; phones ask another one, by the same id; ten times",
  phones: 30,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    party.giftsPerSecond = 2
    for (let times = 0; times < asks; times++) {
      const victim = scene.one(cluster.runners)
      const own = party.on(scene.portOf(victim))
      const atMs = performance.now()
      await scene.fault(`${victim} stands still`, async () => {
        // Some are with it already, some are in its socket, and some it never hears of.
        for (const one of own) one.say()
        if (scene.random() < 0.5) await pause(scene.random() * 20)
        cluster.freeze(victim)
        for (const one of own) {
          one.say()
          one.lose(0)
        }
        await scene.back(own, atMs)
        await pause(Math.max(0, atMs + 3_000 - performance.now()))
        cluster.thaw(victim)
      })
      await until(60_000, () => own.every(({ waiting }) => waiting === 0), "all is answered")
      for (const one of own) if (scene.random() < 0.5) one.switchTo(scene.portOf(victim))
      await until(60_000, () => own.every(({ isInside }) => isInside), "all are in")
    }
  }
}

export const phones: ReadonlyArray<Row> = [slow, reconnects, retried, storm]
