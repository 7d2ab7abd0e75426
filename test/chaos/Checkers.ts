/**
 * The invariants I1 to I11 but for I3 (Lines), each a pure function from what is known of a run to what is wrong with it;
 * an empty list is a run in which it held. They look at what phones logged, at pictures of Redis and at the log itself,
 * and at nothing that a server says of its own health.
 */
import type { Ledger, PhoneLog, Picture, Standing } from "./Evidence.ts"
import type { Request } from "./Lines.ts"

export type Complaints = ReadonlyArray<string>

// --- Who is there ---

/** Who a phone sees in the end, by number; undefined where its socket is not open. */
function viewOf({ events }: PhoneLog): ReadonlyMap<number, string> | undefined {
  let view: Map<number, string> | undefined
  for (const event of events) {
    if (event.kind === "entered" || event.kind === "resumed") view = new Map()
    else if (event.kind === "closed" || event.kind === "left") view = undefined
    else if (event.kind === "appeared") for (const [member, nickname] of event.members) view?.set(member, nickname)
    else if (event.kind === "disappeared") for (const member of event.members) view?.delete(member)
  }
  return view
}

const isShown = ({ state }: Standing): boolean => state === "present" || state === "lost"

const difference = (some: Iterable<string>, others: ReadonlySet<string>): ReadonlyArray<string> =>
  [...new Set(some)].filter((one) => !others.has(one))

/**
 * I1, I2: at rest, who is shown in Redis, and in the view of everybody, is whoever has an open socket. In a crowd not
 * everybody is shown to everybody, but nobody who is not there.
 */
export function noGhosts(logs: ReadonlyArray<PhoneLog>, picture: Picture, isCrowded = false): Complaints {
  const views = logs.flatMap((log) => {
    const view = viewOf(log)
    return view === undefined ? [] : [{ name: log.name, seen: [...view.values()] }]
  })
  const open = new Set(views.map(({ name }) => name))
  const shown = picture.members.filter(isShown).map(({ nickname }) => nickname)
  const complaints = [
    ...difference(shown, open).map((name) => `${name} is shown in Redis and has no socket`),
    ...difference(open, new Set(shown)).map((name) => `${name} has a socket and is not shown in Redis`)
  ]
  for (const { name, seen } of views) {
    for (const ghost of difference(seen, open)) complaints.push(`${name} sees ${ghost}, who has no socket`)
    const unseen = isCrowded ? [] : difference(open, new Set([...seen, name]))
    complaints.push(...unseen.map((other) => `${name} does not see ${other}`))
    if (new Set(seen).size < seen.length) complaints.push(`${name} sees somebody twice`)
  }
  return complaints
}

/** I2: whoever is in view may disappear, whoever is not may appear; each stay of a phone by itself. */
export function alternating(logs: ReadonlyArray<PhoneLog>): Complaints {
  return logs.flatMap(({ name, events }) => {
    const complaints: Array<string> = []
    let view = new Set<number>()
    for (const event of events) {
      if (event.kind === "entered" || event.kind === "resumed") view = new Set()
      else if (event.kind === "appeared") {
        for (const [member] of event.members) {
          if (view.has(member)) complaints.push(`to ${name}, ${member} appeared twice`)
          view.add(member)
        }
      } else if (event.kind === "disappeared") {
        for (const member of event.members) {
          if (!view.delete(member)) complaints.push(`to ${name}, ${member} disappeared without having appeared`)
        }
      }
    }
    return complaints
  })
}

const numbersOf = ({ events }: PhoneLog): ReadonlySet<number> =>
  new Set(events.flatMap((event) => (event.kind === "entered" || event.kind === "resumed" ? [event.member] : [])))

interface Gone {
  readonly witness: string
  readonly atMs: number
  readonly members: ReadonlyArray<number>
}

const losses = (logs: ReadonlyArray<PhoneLog>): ReadonlyArray<Gone> =>
  logs.flatMap(({ name, events }) =>
    events.flatMap((event) =>
      event.kind === "disappeared" && event.reason === "GONE_REASON_LOST"
        ? [{ witness: name, atMs: event.atMs, members: event.members }]
        : []
    )
  )

/** When a phone stood in the channel on an open socket: from, until. */
function presentIn({ events }: PhoneLog): ReadonlyArray<readonly [fromMs: number, untilMs: number]> {
  const spans: Array<readonly [number, number]> = []
  let fromMs: number | undefined
  for (const { kind, atMs } of events) {
    if (kind === "entered" || kind === "resumed") fromMs ??= atMs
    else if ((kind === "closed" || kind === "left") && fromMs !== undefined) {
      spans.push([fromMs, atMs])
      fromMs = undefined
    }
  }
  return fromMs === undefined ? spans : [...spans, [fromMs, Number.POSITIVE_INFINITY]]
}

/**
 * I2: nobody is told that somebody is lost who had a socket then, and had it for a while; `excused` are those whose
 * runner stood still.
 */
export function noOneLost(
  logs: ReadonlyArray<PhoneLog>,
  excused: ReadonlySet<string>,
  whileMs: number = 5_000
): Complaints {
  const subjects = logs
    .filter(({ name }) => !excused.has(name))
    .flatMap((log) => [...numbersOf(log)].map((member) => [member, { name: log.name, spans: presentIn(log) }] as const))
  const byNumber = new Map(subjects)
  return losses(logs).flatMap(({ witness, atMs, members }) =>
    members.flatMap((member) => {
      const subject = byNumber.get(member)
      const wasThere = subject?.spans.some(([fromMs, untilMs]) => fromMs + whileMs < atMs && atMs < untilMs)
      return wasThere ? [`${witness} was told that ${subject?.name} is lost, who was there`] : []
    })
  )
}

/** I2: of each of these, everybody is told that it is lost at most as often as it lost a socket. */
export function lostOnce(logs: ReadonlyArray<PhoneLog>, subjects: ReadonlySet<string>): Complaints {
  const some = logs.filter(({ name }) => subjects.has(name))
  const byNumber = new Map(some.flatMap((log) => [...numbersOf(log)].map((member) => [member, log] as const)))
  const times = new Map<string, number>()
  const complaints: Array<string> = []
  for (const { witness, members } of losses(logs)) {
    for (const subject of members.flatMap((member) => byNumber.get(member) ?? [])) {
      const pair = `${witness} ${subject.name}`
      const count = (times.get(pair) ?? 0) + 1
      times.set(pair, count)
      const most = Math.max(1, subject.events.filter(({ kind }) => kind === "closed").length)
      if (count > most) complaints.push(`${witness} was told ${count} times that ${subject.name} is lost`)
    }
  }
  return complaints
}

// --- Whose it is ---

const isUnder = (one: Pick<Standing, "era" | "node">, fence: Pick<Standing, "era" | "node">): boolean =>
  one.era < fence.era || (one.era === fence.era && one.node <= fence.node)

/** What of a member only its owner may change. */
const stampOf = ({ era, node, connection, state, place }: Standing): string =>
  [era, node, connection, state, place].join(" ")

/** Whether the later of two owners comes before the earlier: connections rise, and epochs of one runner do. */
const goesBack = (was: Standing, now: Standing): boolean =>
  now.connection < was.connection ||
  (now.connection === was.connection && now.runner === was.runner && isUnder(now, was) && !isUnder(was, now))

/**
 * I4: in pictures one after another, owners only rise, and what a fenced incarnation owns is never written by it again: it
 * stays as it was when it was fenced, is away, or is gone.
 */
export function fenced(pictures: ReadonlyArray<Picture>): Complaints {
  const complaints: Array<string> = []
  for (const [at, now] of pictures.entries()) {
    const earlier = at === 0 ? undefined : pictures[at - 1]
    const before = new Map(earlier?.members.map((one) => [one.member, one]))
    for (const one of now.members) {
      const was = before.get(one.member)
      if (was === undefined) continue
      if (goesBack(was, one)) complaints.push(`${one.nickname} went from ${was.incarnation} back to ${one.incarnation}`)
      const fence = earlier?.fences.get(one.runner)
      if (fence === undefined || !isUnder(one, fence) || one.state === "away") continue
      if (stampOf(one) !== stampOf(was)) {
        complaints.push(`${one.nickname} was written by ${one.incarnation}, which was fenced`)
      }
    }
  }
  return complaints
}

/** I5: a guest stands at one place. */
export function onePlaceEach({ members }: Picture): Complaints {
  const byGuest = Map.groupBy(members, ({ guest }) => guest)
  return [...byGuest.values()]
    .filter((places) => places.length > 1)
    .map((places) => `${places[0]?.nickname} stands at ${places.map(({ member }) => member).join(" and ")}`)
}

// --- What took effect ---

/** Facts by the record that caused them, copies taken together. */
function factsBySource({ decided }: Ledger): ReadonlyMap<string, Ledger["decided"]> {
  const once = new Map(decided.map((fact) => [`${fact.source} ${fact.kind}`, fact]))
  return Map.groupBy(once.values(), ({ source }) => source.slice(0, source.lastIndexOf("/")))
}

/** I6: a request takes effect at most once, however often it was put on the log; acknowledged, exactly once. */
export function effectOnce(requests: ReadonlyArray<Request>, ledger: Ledger): Complaints {
  const facts = factsBySource(ledger)
  const byRequest = Map.groupBy(ledger.asked, ({ session, id }) => `${session} ${id}`)
  return requests.flatMap(({ phone, session, id, key, outcome, sent, codes }) => {
    const records = byRequest.get(`${session} ${id}`) ?? []
    const kind = key === "give" ? effectOf.give : effectOf.say
    const effects = records.filter(({ at }) =>
      facts.get(at)?.some((fact) => !fact.isRefused && fact.kind === kind)
    ).length
    // A line's fact may have died with Redis; that it was heard is another invariant (I3).
    const least = outcome === "done" && key === "give" ? 1 : 0
    const most = outcome === "refused" ? 0 : 1
    return least <= effects && effects <= most
      ? []
      : [`${phone}'s ${key} ${id} (${outcome}) took effect ${effects} times; sent ${sent} times, answered ${codes}`]
  })
}

const effectOf = { say: "noriter.topic.v1.LineDecided", give: "noriter.topic.v1.FlowersGiven" } as const
const received = "noriter.topic.v1.FlowersReceived"

/** I7: every gift asked on the log is decided or in the dead letters, and every flower given is received once. */
export function allConsumed(ledger: Ledger): Complaints {
  const facts = factsBySource(ledger)
  const dead = new Set(ledger.dead)
  const gifts = ledger.asked.filter(({ text }) => text === "")
  const byRequest = Map.groupBy(gifts, ({ session, id }) => `${session} ${id}`)
  const complaints = [...byRequest].flatMap(([request, records]) =>
    records.some(({ at }) => facts.has(at) || dead.has(at)) ? [] : [`${request} is on the log and was never decided`]
  )
  const sum = (kind: string) => {
    const once = new Map(
      ledger.decided.flatMap((fact) => (fact.kind === kind && !fact.isRefused ? [[fact.source, fact.count]] : []))
    )
    return [...once.values()].reduce((all, count) => all + count, 0)
  }
  const [given, taken] = [effectOf.give, received].map(sum)
  if (given !== taken) complaints.push(`${given} flowers were given and ${taken} received`)
  return complaints
}

/** What everybody begins with. */
const daisies = 10

/** I7: what is in a pouch is what the facts say, each counted once. */
export function pouchesBalance(pouches: ReadonlyMap<string, number>, { decided }: Ledger): Complaints {
  const due = new Map<string, number>()
  for (const fact of new Map(decided.map((one) => [`${one.source} ${one.kind}`, one])).values()) {
    if (fact.isRefused || (fact.kind !== effectOf.give && fact.kind !== received)) continue
    const by = fact.kind === effectOf.give ? -fact.count : fact.count
    due.set(fact.guest, (due.get(fact.guest) ?? daisies) + by)
  }
  return [...due].flatMap(([guest, count]) =>
    pouches.get(guest) === count ? [] : [`${guest} has ${pouches.get(guest)} flowers, and the facts say ${count}`]
  )
}

// --- How it felt, and what is left ---

export const percentile = (values: ReadonlyArray<number>, share: number): number => {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0
}

/** What pings took between two moments. */
export const pingsOf = (logs: ReadonlyArray<PhoneLog>, fromMs: number, toMs: number): ReadonlyArray<number> =>
  logs.flatMap(({ events }) =>
    events.flatMap((event) =>
      event.kind === "ping" && event.atMs >= fromMs && event.atMs < toMs ? [event.tookMs] : []
    )
  )

/** I8: none of these was disconnected since then. How long their pings took is a figure, not a verdict. */
export function undisturbed(bystanders: ReadonlyArray<PhoneLog>, sinceMs: number): Complaints {
  return bystanders.flatMap(({ name, events }) =>
    events.flatMap((event) =>
      event.kind === "closed" && event.atMs >= sinceMs ? [`${name} was disconnected (${event.why || "no word"})`] : []
    )
  )
}

/** Things that are counted: keys of Redis, nodes of ZooKeeper, descriptors. */
export type Counts = ReadonlyMap<string, number>

/** I9: when everybody has gone there is as much as before, or little more. */
export function nothingLeft(before: Counts, after: Counts, more = 0): Complaints {
  return [...after].flatMap(([what, count]) => {
    const had = before.get(what) ?? 0
    return count > had * 1.05 + more ? [`${count} ${what}, and ${had} before`] : []
  })
}

/** How a process of the servers ended, and what it printed until then. */
export interface ServerLog {
  readonly name: string
  readonly output: string
  /** It ended, and nobody had asked or made it. */
  readonly endedByItself: boolean
}

const defects = /unhandledRejection|uncaughtException|Unhandled|"level":"FATAL"|^\s+at .*\n\s+at /m

/** I10: no server ends by itself or prints a defect. */
export function noDefects(servers: ReadonlyArray<ServerLog>): Complaints {
  return servers.flatMap(({ name, output, endedByItself }) => {
    const defect = defects.exec(output)?.[0]
    return [
      ...(endedByItself ? [`${name} ended by itself: ${output.slice(-500)}`] : []),
      ...(defect === undefined
        ? []
        : [`${name} printed ${output.slice(Math.max(0, output.indexOf(defect) - 300), output.indexOf(defect) + 500)}`])
    ]
  })
}

/** I11: after the heal somebody new enters, speaks and is heard within so long; the time it took. */
export function worksAgain({ name, events }: PhoneLog, healedMs: number, withinMs: number): Complaints {
  const spoke = events.find((event) => event.kind === "heard" && event.text.startsWith(`${name} `))
  if (spoke === undefined) return [`${name} came after the heal and was not heard`]
  const tookMs = spoke.atMs - healedMs
  return tookMs > withinMs ? [`${name} was heard ${Math.round(tookMs)} ms after the heal`] : []
}
