/** What befalls runners and watchers: killed, stopped, frozen, by themselves and together (F01 to F10). */
import { pause, until } from "../Party.ts"
import { incarnationsIn } from "../Raw.ts"
import type { Row } from "../Scene.ts"
import type { Traveller } from "../Traveller.ts"

const calmMs = 4_000
export const goneAtMost = 10_000
export const backAtMost = 3_000

/** The first half of what there is, and the rest. */
const halves = (all: ReadonlyArray<Traveller>) =>
  [all.slice(0, Math.ceil(all.length / 2)), all.slice(Math.ceil(all.length / 2))] as const

export const killed: Row = {
  id: "F01",
  title: "a runner is killed under chat and moves",
  phones: 300,
  runs: 20,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(calmMs)
    const victim = scene.one(cluster.runners)
    const port = scene.portOf(victim)
    const [away, returning] = halves(party.on(port))
    const bystanders = party.inside.filter((one) => one.port !== port)
    for (const one of away) one.stayAway()
    const atMs = performance.now()
    await scene.fault(`${victim} is killed`, () => cluster.kill(victim))
    scene.note("back after", await scene.back(returning, atMs), "ms", { atMost: backAtMost })
    scene.note("gone after", await scene.gone(party, away, atMs), "ms", { atMost: goneAtMost })
    await scene.calm(Math.max(0, atMs + goneAtMost - performance.now()))
    const names = new Set(away.map(({ name }) => name))
    const ghosts = (await scene.look()).members.filter(({ nickname, state }) => names.has(nickname) && state !== "away")
    scene.note("ghosts after 10 s", ghosts.length, "", { atMost: 0 })
    scene.bystanders(bystanders, atMs - calmMs, atMs)
    scene.lostOnce(party.travellers, [...away, ...returning])
  }
}

export const stopped: Row = {
  id: "F02",
  title: "a runner is asked to leave (SIGTERM) under load",
  phones: 60,
  runs: 3,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(calmMs)
    const victim = scene.one(cluster.runners)
    const own = party.on(scene.portOf(victim))
    const bystanders = party.inside.filter((one) => !own.includes(one))
    const atMs = performance.now()
    const code = await scene.fault(`${victim} leaves`, () => cluster.stop(victim))
    scene.note("left after", performance.now() - atMs, "ms", { atMost: 15_000 })
    if (code !== 0) scene.require([`${victim} ended with ${code}`])
    const leftMs = performance.now()
    await until(60_000, async () =>
      (await scene.look()).members.every(({ runner, state }) => runner !== victim || state === "away")
    )
    scene.note("nobody is its own any more after", performance.now() - leftMs, "ms", { atMost: 1_000 })
    scene.note("back after", await scene.back(own, atMs), "ms", { atMost: 15_000 })
    scene.note("a phone without a socket for", longestGap(own, atMs), "ms", { atMost: backAtMost })
    scene.bystanders(bystanders, atMs - calmMs, atMs)
  }
}

/** The longest that any of these had none, since then. */
export const longestGap = (those: ReadonlyArray<Traveller>, sinceMs: number): number =>
  Math.max(
    0,
    ...those.flatMap(({ events }) =>
      events.flatMap((event, at) => {
        if (event.kind !== "closed" || event.atMs < sinceMs) return []
        const back = events.slice(at).find(({ kind }) => kind === "resumed" || kind === "entered")
        return back === undefined ? [] : [back.atMs - event.atMs]
      })
    )
  )

export const zombie: Row = {
  id: "F03",
  title: "a runner is frozen past its session, its users go elsewhere, it comes back",
  phones: 45,
  runs: 20,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(1_000)
    const victim = scene.one(cluster.runners)
    const own = party.on(scene.portOf(victim))
    scene.excuse(own)
    const before = await cluster.refusals(victim)
    const [moving, staying] = halves(own)
    const atMs = performance.now()
    await scene.fault(`${victim} is frozen`, async () => {
      cluster.freeze(victim)
      for (const one of moving) one.lose(scene.random() * 2_000)
      await scene.back(moving, atMs)
      scene.note("swept after", await scene.gone(party, staying, atMs), "ms")
      await scene.calm(Math.max(0, atMs + 2 * cluster.shape.sessionMs - performance.now()))
    })
    const standing = await scene.look()
    const thawedMs = performance.now()
    cluster.thaw(victim)
    const closed = await until(60_000, () => staying.every(({ events }) => closedSince(events, thawedMs)))
    scene.note("its sockets closed after", closed, "ms", { atMost: 2_000 })
    const dead = new Set(standing.members.filter(({ runner }) => runner === victim).map((one) => one.incarnation))
    const anew = await until(60_000, async () =>
      (await incarnationsIn(cluster.redis, cluster.prefix)).some((id) => id.startsWith(`${victim}-`) && !dead.has(id))
    )
    scene.note("a new incarnation after", anew, "ms", { atMost: 2_000 })
    await scene.back(staying, thawedMs)
    await scene.look()
    const refused = (await cluster.refusals(victim)) - before
    scene.note("refused by the fence", refused, "", { atLeast: 1 })
    scene.lostOnce(party.travellers, own)
  }
}

const closedSince = (events: Traveller["events"], sinceMs: number): boolean =>
  events.some(({ kind, atMs }) => kind === "closed" && atMs >= sinceMs)

const paused: Row = {
  id: "F04",
  title: "a runner is frozen for half of its session, five times",
  phones: 45,
  runs: 4,
  run: async (scene, party) => {
    const { cluster } = scene
    const atMs = performance.now()
    for (let times = 0; times < 5; times++) {
      const victim = scene.one(cluster.runners)
      await scene.fault(`${victim} stands still`, async () => {
        cluster.freeze(victim)
        await pause(cluster.shape.sessionMs / 2)
        cluster.thaw(victim)
      })
      await pause(1_000)
    }
    scene.require(
      party.travellers.flatMap(({ name, events }) =>
        closedSince(events, atMs) ? [`${name} lost its socket to a short pause`] : []
      )
    )
  }
}

const loops = 10

const flapping: Row = {
  id: "F06",
  title: "a runner is killed and started again every 3 s under the same name, ten times",
  phones: 30,
  runs: 2,
  run: async (scene, party) => {
    const { cluster } = scene
    const victim = scene.one(cluster.runners)
    for (let loop = 0; loop < loops; loop++) {
      const beganMs = performance.now()
      const own = party.on(scene.portOf(victim))
      await scene.fault(`${victim} is killed and started`, async () => {
        await cluster.kill(victim)
        await cluster.start(victim)
      })
      await scene.back(own, beganMs)
      const port = scene.portOf(victim)
      const [some] = halves(party.inside.filter((one) => one.port !== port))
      const switchedMs = performance.now()
      for (const one of some.slice(0, 10)) one.switchTo(port)
      await scene.back(some.slice(0, 10), switchedMs)
      await scene.look()
      await pause(Math.max(0, beganMs + 3_000 - performance.now()))
    }
    scene.require(
      party.travellers.flatMap(({ name, events }) =>
        events.flatMap((event) =>
          event.kind === "closed" && event.why === "DISCONNECT_CODE_FENCED" ? [`${name} was fenced`] : []
        )
      )
    )
    // What is swept of the incarnations before, a little later, must leave the last one's users alone.
    await pause(goneAtMost)
  }
}

const two: Row = {
  id: "F07",
  title: "two runners are killed at once",
  phones: 45,
  runs: 4,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(1_000)
    const victims = cluster.runners.slice(0, 2)
    const own = victims.flatMap((id) => [...party.on(scene.portOf(id))])
    for (const one of own) one.stayAway()
    const atMs = performance.now()
    await scene.fault(`${victims.join(" and ")} are killed`, () => cluster.kill(...victims))
    scene.note("gone after", await scene.gone(party, own, atMs), "ms", { atMost: goneAtMost })
    scene.lostOnce(party.travellers, own)
  }
}

const halfSwept: Row = {
  id: "F08",
  title: "a watcher is killed while it sweeps",
  phones: 45,
  runs: 3,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(1_000)
    const victim = scene.one(cluster.runners)
    const own = party.on(scene.portOf(victim))
    const watcher = scene.one(["watcher-0", "watcher-1"])
    for (const one of own) one.stayAway()
    const atMs = performance.now()
    await scene.fault(`${victim} is killed`, () => cluster.kill(victim))
    await until(60_000, async () => (await scene.look()).members.some(({ state }) => state === "away"))
    await scene.fault(`nobody may write, and ${watcher} is killed`, async () => {
      await cluster.redis.client("PAUSE", 1_000, "WRITE")
      await cluster.kill(watcher)
      await cluster.redis.client("UNPAUSE")
    })
    scene.note("gone after", await scene.gone(party, own, atMs), "ms", { atMost: 2 * goneAtMost })
    scene.lostOnce(party.travellers, own)
  }
}

const all: Row = {
  id: "F10",
  title: "all runners are killed, and start again",
  phones: 45,
  runs: 3,
  run: async (scene, party) => {
    const { cluster } = scene
    await scene.calm(1_000)
    const { runners } = cluster
    const [away, returning] = halves(party.inside)
    for (const one of away) one.stayAway()
    const atMs = performance.now()
    await scene.fault("all runners are killed", () => cluster.kill(...runners))
    await scene.fault("they start", () => cluster.complete())
    const startedMs = performance.now()
    scene.note("back after the start", (await scene.back(returning, atMs)) - (startedMs - atMs), "ms", {
      atMost: backAtMost
    })
    scene.note("gone after", await scene.gone(party, away, atMs), "ms", { atMost: 2 * goneAtMost })
  }
}

export const runners: ReadonlyArray<Row> = [killed, stopped, zombie, paused, flapping, two, halfSwept, all]
