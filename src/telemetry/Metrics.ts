/**
 * Every metric handle of noriter, and nothing but the handles: whoever the figure is about updates it. Names begin with
 * noriter_ and end with their unit (_total, _seconds, _bytes); labels are of few values, never an id of anybody.
 *
 * **When to use**: take the figure once, where the thing is built (`linesIn.of(key)`), and add to it on the hot path
 * (`figure.count++`, `figure.value = 3`, `figure.observe(seconds)`). They are the process's: two runners in one process
 * share them.
 */
import { Counter, Family, type Gauge, type Histogram, Meter } from "./Meter.ts"

/** What /metrics prints. */
export const meter = new Meter()

/** From 10 µs to 10 s: what is timed here takes microseconds when all is well. */
const durations = [0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10]

// --- Phones (client/) ---

export const socketsOpen: Family<Gauge> = meter.gauges(
  "noriter_sockets_open",
  "Sockets of phones that are open, by transport: tcp, websocket",
  "transport"
)
export const socketsAccepted: Family<Counter> = meter.counters(
  "noriter_sockets_accepted_total",
  "Sockets accepted, by transport",
  "transport"
)
export const websocketsFailed: Family<Counter> = meter.counters(
  "noriter_websockets_failed_total",
  "WebSockets closed for what is wrong with a frame, by what it is",
  "reason"
)
export const sessions: Family<Gauge> = meter.gauges(
  "noriter_sessions",
  "Sessions that this runner holds or waits for, by state: present, lost, away",
  "state"
)
export const linesIn: Family<Counter> = meter.counters(
  "noriter_lines_in_total",
  "Lines read from phones, by key",
  "key"
)
export const bytesIn: Counter = meter.counter("noriter_bytes_in_total", "Bytes read from phones")
export const bytesOut: Counter = meter.counter("noriter_bytes_out_total", "Bytes written to phones")
export const writes: Counter = meter.counter("noriter_socket_writes_total", "Writes to sockets: what fan-out costs")
export const batchedWrites: Counter = meter.counter(
  "noriter_socket_writes_batched_total",
  "Writes to sockets that many phones shared a call for; none: native/send is not built"
)
export const refused: Family<Counter> = meter.counters(
  "noriter_refused_total",
  "Requests and lines refused, by error code",
  "code"
)
export const disconnects: Family<Counter> = meter.counters(
  "noriter_disconnects_total",
  "Sockets that this runner closed, by disconnect code",
  "code"
)
export const outboxBytes: Gauge = meter.gauge("noriter_outbox_bytes", "Bytes to phones that wait in this process")
export const outboxSlow: Counter = meter.counter(
  "noriter_outbox_slow_total",
  "Phones disconnected for reading too slowly"
)
export const latestSkipped: Counter = meter.counter(
  "noriter_outbox_latest_skipped_total",
  "LATEST lines skipped for phones that read slowly"
)

// --- Operators (plaza/ops) ---

export const opsRefused: Counter = meter.counter(
  "noriter_ops_refused_total",
  "Visitors of the operators' board who did not show the token"
)

// --- The bus and the links ---

export type Lane = "CLIENT" | "RUNNER" | "TOPIC"

/** What is counted of the messages of one key: `count` of those handed to the consumer. */
export class KeyFigures extends Counter {
  /** Seconds until the consumer was done with one. */
  readonly duration: Histogram

  constructor(duration: Histogram) {
    super()
    this.duration = duration
  }
}

const dispatchSeconds = meter.histograms(
  "noriter_dispatch_duration_seconds",
  "Time until a consumer was done with a message, of every sixteenth",
  durations,
  "lane",
  "key"
)
const dispatchedTotal = meter.add(
  new Family(
    "noriter_dispatched_total",
    "Messages handed to a consumer, by lane and key",
    ["lane", "key"],
    (lane = "", key = "") => new KeyFigures(dispatchSeconds.of(lane, key))
  )
)
export const dispatched = (lane: Lane, key: string): KeyFigures => dispatchedTotal.of(lane, key)

export const appended: Family<Counter> = meter.counters(
  "noriter_appended_total",
  "Records that this runner put on the log, by key",
  "key"
)
export const applied: Family<Counter> = meter.counters(
  "noriter_applied_total",
  "Records of the log that took effect by a commit of this runner, by key",
  "key"
)
export const deadLetters: Counter = meter.counter(
  "noriter_dead_letters_total",
  "Records that could not be read or decided, and were buried"
)
export const topicLagSeconds: Family<Gauge> = meter.gauges(
  "noriter_topic_lag_seconds",
  "How long the last record that this runner applied had been on the log, by topic",
  "topic"
)
export const tellFrames: Family<Counter> = meter.counters(
  "noriter_tell_frames_total",
  "Frames between runners, by direction: in, out",
  "direction"
)

export const framesDropped: Family<Counter> = meter.counters(
  "noriter_frames_dropped_total",
  "Frames between runners that were not taken, by reason: refused, unknown, failed",
  "reason"
)

// --- The shared space (space/) ---

export const commits: Family<Counter> = meter.counters(
  "noriter_commits_total",
  "Commits to the shared space, by result: applied, refused, failed",
  "result"
)
export const commitSeconds: Histogram = meter.histogram(
  "noriter_commit_duration_seconds",
  "Time of one commit to the shared space",
  durations
)

export const commitsFenced: Counter = meter.counter(
  "noriter_commits_fenced_total",
  "Commits of incarnations that a watcher had fenced: each was refused"
)

export const timerLateSeconds: Histogram = meter.histogram(
  "noriter_timer_late_seconds",
  "How long after they were due timers were put on the log by this process",
  [0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1, 2.5, 5, 10, 60]
)
export const timerOverdueSeconds: Gauge = meter.gauge(
  "noriter_timer_overdue_seconds",
  "How long the oldest timer was due that others had left, when this process last looked; 0: there was none"
)

// --- The watcher (watch/) ---

export const defects: Family<Gauge> = meter.gauges(
  "noriter_defects",
  "Members in the shared space that are not as they must be, at two looks one after the other, by kind: ghost (seen by " +
    "others, and nobody holds its socket), orphan (no session names it), double (its guest stands elsewhere, too), " +
    "astray (its session says otherwise)",
  "kind"
)
export const repairs: Family<Counter> = meter.counters(
  "noriter_repairs_total",
  "Members that a watcher mended, by the kind of defect",
  "kind"
)
export const unsweptSeconds: Gauge = meter.gauge(
  "noriter_unswept_seconds",
  "How long the oldest of the dead incarnations has been found dead and not swept; 0: there is none"
)
export const sweeps: Family<Counter> = meter.counters(
  "noriter_sweeps_total",
  "Sweeps of dead incarnations, by result: swept, waiting (for sessions that may be resumed), failed",
  "result"
)
export const incarnations: Family<Gauge> = meter.gauges(
  "noriter_incarnations",
  "Incarnations that hold something in the shared space, by state: living, dead, nodeless (no node in the roster for over " +
    "a minute, and a lease that is kept)",
  "state"
)
/** Made by a watcher alone: where a runner printed it, too, nobody would be told that no watcher is left. */
export const watcherBlind: Family<Gauge> = meter.gauges(
  "noriter_watcher_blind",
  "1 while this watcher gives no verdicts, because its own connections were bad a moment ago"
)

// --- The playground (plaza/) ---

export const members: Gauge = meter.gauge("noriter_members", "Members in the channels whose phones are on this runner")
export const tickSeconds: Histogram = meter.histogram(
  "noriter_tick_duration_seconds",
  "Time of one tick: encoding, joining and writing the moves of all channels",
  durations
)
export const tickInterval: Gauge = meter.gauge(
  "noriter_tick_interval_seconds",
  "How often ticks come now: longer than set while this process has too much to do"
)
export const signalsShed: Counter = meter.counter(
  "noriter_signals_shed_total",
  "Emotes and the like that were not told because this process has too much to do"
)
export const appeared: Counter = meter.counter("noriter_appeared_total", "Members that came into the view of a phone")

// --- The process (Process.ts keeps these) ---

export const buildInfo: Family<Gauge> = meter.gauges(
  "noriter_build_info",
  "Always 1; the labels say what runs",
  "version",
  "protocol",
  "node"
)
export const eventLoopLag: Family<Gauge> = meter.gauges(
  "noriter_event_loop_lag_seconds",
  "How late timers were within the last 10 to 20 seconds, by quantile",
  "quantile"
)
export const eventLoopBusy: Gauge = meter.gauge(
  "noriter_event_loop_busy_ratio",
  "Share of the time since the last print that the event loop was busy"
)
export const gcPauses: Family<Histogram> = meter.histograms(
  "noriter_gc_pause_seconds",
  "Pauses of the garbage collector, by kind: minor, major, incremental, weak",
  durations,
  "kind"
)
export const residentBytes: Gauge = meter.gauge("noriter_resident_bytes", "Memory of the process")
export const heapBytes: Gauge = meter.gauge("noriter_heap_bytes", "Heap in use")
export const cpuSeconds: Counter = meter.counter("noriter_cpu_seconds_total", "Processor time, user and system")
export const workerRestarts: Family<Counter> = meter.counters(
  "noriter_worker_restarts_total",
  "Times a long-lived fiber failed and was started again",
  "worker"
)
