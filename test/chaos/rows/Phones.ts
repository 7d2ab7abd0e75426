/** What phones do to a plaza: come back too early, all at once, or not at all (F28 to F31, F36). */
import { onePlaceEach } from "../Checkers.ts"
import { pause, until } from "../Party.ts"
import type { Row } from "../Scene.ts"

const reconnectsOf = (phones: number): number => phones * 10

const reconnects: Row = {
  id: "F30",
  title: "phones come back to another runner, their old socket open or just gone; ten times each",
  phones: 100,
  runs: 1,
  run: async (scene, party) => {
    const { cluster, random } = scene
    const { inside } = party
    const total = reconnectsOf(inside.length)
    await scene.fault(`${total} reconnects`, () =>
      Promise.all(
        inside.map(async (one) => {
          for (let times = 0; times < total / inside.length; times++) {
            await pause(random() * 2_000)
            await until(30_000, () => one.isInside, `${one.name} is in`)
            const sinceMs = performance.now()
            // Mostly soon; seldom as late as two sessions of ZooKeeper.
            const afterMs = random() < 0.8 ? random() * 1_000 : random() * 2 * cluster.shape.sessionMs
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
    const before = Number(/instantaneous_ops_per_sec:(\d+)/.exec(await cluster.redis.info("stats"))?.[1])
    await scene.fault("all runners are killed", () => cluster.kill(...runners))
    await scene.fault("they start", () => cluster.complete())
    const startedMs = performance.now()
    const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await cluster.redis.info("stats"))?.[1])
    const had = await commands()
    const tookMs = await until(60_000, () => party.inside.length === party.travellers.length, "all are in")
    scene.note("all in after", tookMs, "ms", { atMost: 10_000 })
    const perPhone = ((await commands()) - had) / party.travellers.length
    scene.note("commands to Redis a phone", perPhone, "", { atMost: 100 })
    scene.note("commands a second before", before, "")
    for (const id of runners) {
      const heap = await cluster.figure(id, "noriter_heap_bytes")
      scene.note(`heap of ${id}`, heap / 1_048_576, "MiB", { atMost: 1_024 })
    }
    scene.note("since the start", performance.now() - startedMs, "ms")
  }
}

export const phones: ReadonlyArray<Row> = [reconnects, storm]
