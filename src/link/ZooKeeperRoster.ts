/**
 * Roster on ZooKeeper (rule E1): `<root>/runners/<id>-<sequence>` are the incarnations, each an ephemeral node that holds
 * the era it was born in, in the one session of this roster: two clients that are cut off together end the process, since
 * the addon mixes up their sockets; `<root>/generation` holds `<era>.<n>`, and is changed only from the version
 * that was read. Owns the nodes; sessions are ZooKeeper's.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { Listeners } from "./Listeners.ts"
import { compareEpochs, type Generation, generationText, type Incarnation, Roster, RosterError } from "./Roster.ts"
import * as ZooKeeper from "./ZooKeeper.ts"

export interface ZooKeeperRosterOptions extends ZooKeeper.ConnectOptions {
  /** NORITER_PREFIX: begins the name of the root, so that several worlds share an ensemble. */
  readonly prefix: string
}

/** The node that all others are under. */
export const rootOf = ({ prefix }: Pick<ZooKeeperRosterOptions, "prefix">): string => `/${prefix}noriter`

/** `connect` is there to be looked over its shoulder by tests. */
export const layer = (
  options: ZooKeeperRosterOptions,
  connect: typeof ZooKeeper.connect = ZooKeeper.connect
): Layer.Layer<Roster, RosterError> => Layer.effect(Roster, make(options, connect))

// --- internal ---

const watchPause = "500 millis"
const leaveTimeout = "300 millis"

const rosterError =
  (operation: RosterError["operation"]) =>
  <A, R>(effect: Effect.Effect<A, ZooKeeper.ZooKeeperError, R>): Effect.Effect<A, RosterError, R> =>
    Effect.mapError(effect, (cause) => new RosterError({ operation, cause }))

const make = Effect.fnUntraced(function* (options: ZooKeeperRosterOptions, connect: typeof ZooKeeper.connect) {
  const { prefix } = options
  if (!/^[A-Za-z0-9:._-]*$/.test(prefix)) {
    const cause = new Error(`${JSON.stringify(prefix)} cannot begin the name of a node: letters, digits and :._- only`)
    return yield* new RosterError({ operation: "connect", cause })
  }
  const nodes = new Nodes(rootOf(options))
  // Each session finds the root, or makes it: the servers may have been put up anew under us.
  const founded = Effect.tap(connect(options), (session) => nodes.found(session))
  const { asking, giveUp } = yield* sessions(founded)
  yield* asking.pipe(rosterError("connect"))
  const listeners = new Listeners<void>()
  yield* Effect.forkScoped(watching(asking, nodes, () => listeners.call()))

  return Roster.of({
    join: (runner) =>
      Effect.gen(function* () {
        const session = yield* asking
        // Broken off it may have left a node that nobody knows of, which would live as long as its session.
        const incarnation = yield* Effect.onError(nodes.join(session, runner), () => giveUp(session))
        const left = Deferred.makeUnsafe<void>()
        // So that others see it gone when this has ended.
        yield* Effect.addFinalizer(() => {
          Deferred.doneUnsafe(left, Effect.void)
          return Effect.ignore(Effect.timeoutOption(session.remove(nodes.pathOf(incarnation)), leaveTimeout))
        })
        return { incarnation, expired: Effect.raceFirst(session.ended, Deferred.await(left)) }
      }).pipe(rosterError("join")),
    living: asking.pipe(
      Effect.flatMap((session) => nodes.living(session)),
      rosterError("living")
    ),
    onChange: (changed) => listeners.add(changed),
    generation: asking.pipe(
      Effect.flatMap((session) => nodes.generation(session)),
      Effect.map(({ generation }) => generation),
      rosterError("generation")
    ),
    raise: (from) =>
      asking.pipe(
        Effect.flatMap((session) =>
          nodes.change(session, (now) =>
            now.era === from.era && now.n === from.n ? { era: now.era, n: now.n + 1 } : undefined
          )
        ),
        rosterError("generation")
      ),
    era: (atLeast) =>
      asking.pipe(
        // An era below the marker's is of an ensemble younger than the marker: it goes above it, and counts anew.
        Effect.flatMap((session) =>
          nodes.change(session, (now) => (now.era < atLeast ? { era: atLeast + 1, n: 0 } : undefined))
        ),
        Effect.map(({ era }) => era),
        rosterError("generation")
      )
  })
})

type Call<A> = Effect.Effect<A, ZooKeeper.ZooKeeperError>

/** A session that lives, shared by all who ask. When it has ended, or was given up and is ended then, the next who asks opens
 * another; all wait for that. */
const sessions = Effect.fnUntraced(function* (
  connect: Effect.Effect<ZooKeeper.Session, ZooKeeper.ZooKeeperError, Scope.Scope>
) {
  const parent = yield* Effect.scope
  let current: { readonly session: ZooKeeper.Session; readonly scope: Scope.Closeable } | undefined
  let opening: Fiber.Fiber<ZooKeeper.Session, ZooKeeper.ZooKeeperError> | undefined
  let givenUp: ZooKeeper.Session | undefined
  const open = Effect.gen(function* () {
    if (current !== undefined) yield* Scope.close(current.scope, Exit.void)
    current = undefined
    const scope = yield* Scope.fork(parent)
    const session = yield* connect.pipe(
      Scope.provide(scope),
      Effect.onError(() => Scope.close(scope, Exit.void))
    )
    current = { session, scope }
    return session
  })
  const opened = Effect.ensuring(
    open,
    Effect.sync(() => {
      opening = undefined
    })
  )
  const lives = ({ session }: { readonly session: ZooKeeper.Session }) => !session.hasEnded() && session !== givenUp
  const asking = Effect.gen(function* () {
    if (current !== undefined && lives(current)) return current.session
    opening ??= yield* Effect.forkIn(opened, parent)
    return yield* Fiber.join(opening)
  })
  const giveUp = (session: ZooKeeper.Session) =>
    Effect.sync(() => {
      givenUp = session
    })
  return { asking, giveUp }
})

/** Says so whenever who lives may have changed: also when nobody looked for a while. */
const watching = (asking: Call<ZooKeeper.Session>, nodes: Nodes, changed: () => void): Effect.Effect<never> => {
  const watch = Effect.gen(function* () {
    const session = yield* asking
    const next = Effect.callback<void, ZooKeeper.ZooKeeperError>((resume) => {
      const set = session.watchChildren(nodes.runners, () => resume(Effect.void))
      Effect.runCallback(set, {
        onExit: (exit) => (Exit.isSuccess(exit) ? changed() : resume(Effect.failCause(exit.cause)))
      })
    })
    while (!session.hasEnded()) yield* Effect.raceFirst(next, session.ended)
  })
  return Effect.forever(Effect.andThen(Effect.ignoreCause(watch), Effect.sleep(watchPause)))
}

/** What lies in the nodes. */
class Nodes {
  readonly runners: string
  private readonly root: string
  private readonly generationPath: string
  /** Nodes are never changed: each is read once, while it is there. */
  private known = new Map<string, Incarnation>()

  constructor(root: string) {
    this.root = root
    this.runners = `${root}/runners`
    this.generationPath = `${root}/generation`
  }

  readonly pathOf = ({ id }: Incarnation): string => `${this.runners}/${id}`

  /** Whoever comes first makes the root, and all find the same era in it: when that was. */
  found(session: ZooKeeper.Session): Call<void> {
    return Effect.gen({ self: this }, function* () {
      yield* present(session, this.root, "")
      const { stat } = yield* session.get(this.root)
      yield* present(session, this.runners, "")
      yield* present(session, this.generationPath, generationText({ era: stat.createdMs, n: 0 }))
    })
  }

  generation(session: ZooKeeper.Session): Call<{ readonly generation: Generation; readonly version: number }> {
    return Effect.gen({ self: this }, function* () {
      yield* session.sync(this.generationPath)
      const { data, stat } = yield* session.get(this.generationPath)
      const [era, n] = data.split(".").map(Number)
      if (era === undefined || n === undefined)
        return yield* Effect.die(new Error(`${this.generationPath} holds ${data}`))
      return { generation: { era, n }, version: stat.version }
    })
  }

  /** Answers what it is then. Nobody else's change is lost: one that was made meanwhile is looked at first. */
  change(session: ZooKeeper.Session, next: (now: Generation) => Generation | undefined): Call<Generation> {
    return Effect.gen({ self: this }, function* () {
      const { generation, version } = yield* this.generation(session)
      const wanted = next(generation)
      if (wanted === undefined) return generation
      yield* session.set(this.generationPath, generationText(wanted), version)
      return wanted
    }).pipe(Effect.retry({ while: ({ reason }) => reason === "BadVersion" }))
  }

  /** An era that was raised meanwhile is not the one it was born in: it is born anew. */
  join(session: ZooKeeper.Session, runner: string): Call<Incarnation> {
    return Effect.gen({ self: this }, function* () {
      for (;;) {
        const { era } = (yield* this.generation(session)).generation
        const path = yield* session.create(`${this.runners}/${runner}-`, `${era}`, "ephemeral-sequential")
        const { stat } = yield* session.get(path)
        const id = path.slice(this.runners.length + 1)
        if ((yield* this.generation(session)).generation.era === era) {
          return { id, runner, epoch: { era, node: stat.czxid } }
        }
        yield* session.remove(path)
      }
    })
  }

  living(session: ZooKeeper.Session): Call<ReadonlyArray<Incarnation>> {
    return Effect.gen({ self: this }, function* () {
      yield* session.sync(this.runners)
      const ids = yield* session.children(this.runners)
      const read = yield* Effect.forEach(ids, (id) => this.incarnation(session, id), { concurrency: 32 })
      const living = read.filter((each) => each !== undefined)
      this.known = new Map(living.map((each) => [each.id, each]))
      return living.sort((a, b) => compareEpochs(a.epoch, b.epoch))
    })
  }

  private incarnation(session: ZooKeeper.Session, id: string): Call<Incarnation | undefined> {
    const known = this.known.get(id)
    if (known !== undefined) return Effect.succeed(known)
    const runner = /^(.*)-\d{10}$/.exec(id)?.[1]
    if (runner === undefined) return Effect.succeed(undefined) // not ours
    return session.get(`${this.runners}/${id}`).pipe(
      Effect.map(({ data, stat }): Incarnation => ({ id, runner, epoch: { era: Number(data), node: stat.czxid } })),
      Effect.catchIf(
        ({ reason }) => reason === "NoNode",
        () => Effect.succeed(undefined)
      )
    )
  }
}

/** One that was there already is protected, too: it may be from before there was an account. */
const present = (session: ZooKeeper.Session, path: string, data: string): Call<void> =>
  session.create(path, data, "persistent").pipe(
    Effect.asVoid,
    Effect.catchIf(
      ({ reason }) => reason === "NodeExists",
      () => session.protect(path)
    )
  )
