/**
 * What became of the lines said, by the logs of all phones, and whether everybody heard what they had to (I3). Pure.
 *
 * Who must hear a line follows from the places in the stream, not from clocks: a phone is told where the stream stands
 * when it enters, and from there on it must hear every acknowledged line, but for what it was told is missing.
 */
import type { Event, PhoneLog, Position } from "./Evidence.ts"

/** Done, certainly not done, or nobody can say. */
export type Outcome = "done" | "refused" | "uncertain"

export interface Request {
  readonly phone: string
  readonly session: string
  readonly id: number
  readonly key: string
  readonly text: string
  readonly outcome: Outcome
  /** How often it was sent, and what the answers said. */
  readonly sent: number
  readonly codes: ReadonlyArray<string>
  /** Of all its answers that say one. */
  readonly seqs: ReadonlyArray<number>
  /** Of which history the channel's stream was for this phone when it was answered: another one has other lines. */
  readonly epoch: string
}

/** These say of one sending that it was not taken, and nothing of an earlier one. */
const passing = new Set(["ERROR_CODE_UNAVAILABLE", "ERROR_CODE_RATE_LIMITED"])
const undecided = new Set(["ERROR_CODE_UNCERTAIN", "ERROR_CODE_STALE_ID"])

/** The channel's stream, not the mailbox. */
const isChannel = (name: string): boolean => name.includes("/")

/** What a phone knows of each of its requests in the end. */
export function requestsOf({ name, events }: PhoneLog): ReadonlyArray<Request> {
  const sendings = new Map<string, Array<Event>>()
  const epochs = new Map<string, string>()
  let epoch = ""
  for (const event of events) {
    if ("streams" in event) epoch = event.streams.find((one) => isChannel(one.name))?.epoch ?? epoch
    if (event.kind !== "asked" && event.kind !== "answered") continue
    const key = `${event.session} ${event.id}`
    if (event.kind === "answered") epochs.set(key, epoch)
    const all = sendings.get(key)
    if (all === undefined) sendings.set(key, [event])
    else all.push(event)
  }
  return [...sendings.values()].flatMap((all) => {
    const [first] = all
    if (first?.kind !== "asked") return []
    const answers = all.flatMap((event) => (event.kind === "answered" ? [event] : []))
    const { session, id, key, text } = first
    const seqs = answers.flatMap(({ code, seq }) => (code === undefined ? [seq] : []))
    const sent = all.length - answers.length
    const outcome = outcomeOf(
      sent,
      answers.map(({ code }) => code)
    )
    const codes = answers.map(({ code = "done" }) => code)
    return [
      { phone: name, session, id, key, text, outcome, sent, codes, seqs, epoch: epochs.get(`${session} ${id}`) ?? "" }
    ]
  })
}

function outcomeOf(sent: number, codes: ReadonlyArray<string | undefined>): Outcome {
  if (codes.includes(undefined)) return "done"
  const isDecided = codes.some((code) => code !== undefined && !passing.has(code) && !undecided.has(code))
  const neverTaken = codes.length === sent && codes.every((code) => code !== undefined && passing.has(code))
  return isDecided || neverTaken ? "refused" : "uncertain"
}

/** From which place of a stream to which one a phone must have heard everything. */
interface Span {
  readonly epoch: string
  readonly from: number
  to: number
}

interface Hearing {
  readonly spans: ReadonlyArray<Span>
  readonly heard: ReadonlyMap<number, string>
  readonly complaints: ReadonlyArray<string>
}

/** A log that ends with an open socket ends at rest: whoever made it waited until all had heard the last line. */
function hearingOf({ name, events }: PhoneLog): Hearing {
  const spans: Array<Span> = []
  const heard = new Map<number, string>()
  const complaints: Array<string> = []
  let span: Span | undefined
  let last = 0
  let isOpen = false
  const begin = (positions: ReadonlyArray<Position>) => {
    for (const { name: stream, epoch, seq } of positions) {
      if (!isChannel(stream)) continue
      if (span !== undefined) span.to = Math.max(span.from, last)
      span = { epoch, from: seq, to: Number.POSITIVE_INFINITY }
      spans.push(span)
      last = Math.max(last, seq)
    }
  }
  for (const event of events) {
    if (event.kind === "entered" || event.kind === "gap") begin(event.streams)
    else if (event.kind === "resumed" && !event.recovered) begin(event.streams)
    else if (event.kind === "heard" && isChannel(event.stream)) {
      if (event.seq <= last) complaints.push(`${name} heard ${event.seq} (${event.text}) after ${last}`)
      last = Math.max(last, event.seq)
      heard.set(event.seq, event.text)
    }
    if (event.kind === "entered" || event.kind === "resumed") isOpen = true
    if (event.kind === "closed" || event.kind === "left") isOpen = false
  }
  if (!isOpen && span !== undefined) span.to = Math.max(span.from, last)
  return { spans, heard, complaints }
}

/**
 * I3: acknowledged, it is heard once by each who was there, in one order by all, or whoever was away was told of a gap;
 * refused, nobody hears it; uncertain, at most once.
 */
export function linesHeard(logs: ReadonlyArray<PhoneLog>): ReadonlyArray<string> {
  const complaints: Array<string> = []
  const requests = logs.flatMap((log) => requestsOf(log).filter(({ key }) => key === "say"))
  const byText = new Map(requests.map((request) => [request.text, request]))
  const places = new Map<string, Set<number>>(requests.map(({ text, seqs }) => [text, new Set(seqs)] as const))
  const hearings = logs.map((log) => ({ name: log.name, ...hearingOf(log) }))
  for (const { name, heard, complaints: own } of hearings) {
    complaints.push(...own)
    for (const [seq, text] of heard) {
      const request = byText.get(text)
      if (request === undefined) complaints.push(`${name} heard ${text}, which nobody said`)
      else if (request.outcome === "refused") complaints.push(`${name} heard ${text}, which was refused`)
      places.get(text)?.add(seq)
    }
  }
  for (const [text, seqs] of places) {
    if (seqs.size > 1) complaints.push(`${text} stands at ${[...seqs].join(" and ")}`)
  }
  const acked = requests.flatMap(({ text, epoch, seqs: [seq] }) => (seq === undefined ? [] : [{ text, epoch, seq }]))
  for (const { name, spans, heard } of hearings) {
    for (const { text, epoch, seq } of acked) {
      const isDue = spans.some((span) => span.epoch === epoch && span.from < seq && seq <= span.to)
      if (isDue && heard.get(seq) !== text) complaints.push(`${name} did not hear ${text} (${seq})`)
    }
  }
  return complaints
}

/** Acknowledged lines that a phone was not given, having been told so or having been away for good. */
export function missedBy(log: PhoneLog, acked: ReadonlyArray<number>): number {
  const { heard } = hearingOf(log)
  const first = log.events.find((event) => event.kind === "entered")
  const from = first?.kind === "entered" ? (first.streams.find(({ name }) => isChannel(name))?.seq ?? 0) : 0
  return acked.filter((seq) => seq > from && !heard.has(seq)).length
}
