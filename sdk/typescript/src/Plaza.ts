/**
 * A plaza, for a client: `connect`, typed requests, typed events. Owns its socket and who listens to what; when to connect,
 * greet, send again or give up is the conversation's (Conversation.ts).
 */
import { Conversation } from "./Conversation.ts"
import { type Heard, type Listeners, newListeners, Requests, readers, type StreamPosition } from "./gen/protocol.ts"
import type { Ending, Owner, Session, State, StateChange } from "./Owner.ts"
import type { Place } from "./Place.ts"
import type { PlazaError } from "./PlazaError.ts"
import * as Pulse from "./Pulse.ts"
import type { Socket, Transport } from "./Transport.ts"

export type * from "./gen/protocol.ts"
export type { Ending, Session, State, StateChange } from "./Owner.ts"
export type { Place } from "./Place.ts"
export { PlazaError } from "./PlazaError.ts"
export type { Socket, SocketEvents, Transport } from "./Transport.ts"
export { webSocket } from "./WebSocket.ts"

export interface PlazaOptions {
  /** `webSocket(url)`, or `tcp({ host, port })` from `@noriter/client/tcp`. */
  readonly transport: Transport
  /** What others see: 1 to 12 characters. */
  readonly nickname: string
  /** Who this is, from visit to visit: 16 to 128 printable ASCII characters, kept by the device. Absent: a new guest. */
  readonly deviceSecret?: string
  /** Name and version of the client, for the operator. */
  readonly sdk?: string
  /** 0 to 1, for the jitter of coming back. */
  readonly random?: () => number
}

/** What the SDK tells of itself, beside what the server tells. */
export interface OwnEvents {
  /** Connecting, open, waiting for the next try, and why. */
  readonly state: StateChange
  /** There is a session: a new one (enter again), or the one there was. */
  readonly session: Session
  /** The guest stands elsewhere, after entering or resuming: who is in view is told anew. Undefined: outside. */
  readonly place: Place | undefined
  /** Lines of these streams are lost. */
  readonly missed: ReadonlyArray<StreamPosition>
  /** Something that needs no answer was refused: a move, an emote. */
  readonly refused: PlazaError
}

export interface Events extends Heard, OwnEvents {}

/** A plaza that connects at once, and comes back by itself until it is closed. */
export const connect = (options: PlazaOptions): Plaza => {
  const plaza = new Plaza(options)
  plaza.connect()
  return plaza
}

/** A device secret for `PlazaOptions`, to be kept: whoever has it is the same guest again. */
export const newDeviceSecret = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")

export class Plaza extends Requests {
  /** Told once: closed from here, or the server said not to come back. */
  readonly closed: Promise<Ending>

  private readonly conversation: Conversation
  private readonly transport: Transport
  private readonly listeners: Listeners<Events> = {
    ...newListeners(),
    state: new Set(),
    session: new Set(),
    place: new Set(),
    missed: new Set(),
    refused: new Set()
  }
  private readonly over: (ending: Ending) => void
  private socket: Socket | undefined

  constructor(options: PlazaOptions) {
    super()
    const { promise, resolve } = Promise.withResolvers<Ending>()
    this.closed = promise
    this.over = resolve
    this.transport = options.transport
    const { nickname, deviceSecret = newDeviceSecret(), sdk = "noriter-client", random = Math.random } = options
    this.conversation = new Conversation({ deviceSecret, nickname, sdk }, this.owner(), random)
  }

  get state(): State {
    return this.conversation.state
  }

  /** Where the guest stood last as far as the server said. Undefined: outside. */
  get place(): Place | undefined {
    return this.conversation.place
  }

  /** Lines, bytes, sockets, resumes and losses so far. */
  get figures(): Readonly<Conversation["figures"]> {
    return this.conversation.figures
  }

  /** Begins, if it has not begun: `connect()` does it. */
  connect(): void {
    if (this.state !== "idle") return
    this.conversation.begin(Pulse.now())
    // Not where the transport has thrown, nor where whoever listens has closed it already.
    if (this.conversation.state !== "closed") Pulse.add(this)
  }

  /** Listens from now on, in the order of listening; the result ends it. */
  on<K extends keyof Events>(key: K, listener: (event: Events[K]) => void): () => void {
    const listeners = this.listeners[key]
    listeners.add(listener)
    this.conversation.want(key)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) this.conversation.unwant(key)
    }
  }

  /** To be called where the network changed and there is no `online` event: comes back at once. */
  networkChanged(): void {
    this.conversation.networkChanged(Pulse.now())
  }

  /** Hangs up for good: what is unanswered is rejected. The session goes on for its grace; `leave` before it if it should not. */
  close(): void {
    this.conversation.close()
  }

  /** Lets time pass; the one timer of all plazas does it (Pulse.ts). */
  tick(now: number): void {
    this.conversation.tick(now)
  }

  protected ask<A>(key: string, request: object, read: (value: unknown) => A): Promise<A> {
    return new Promise((resolve, reject) => {
      this.conversation.ask(key, request, (body) => resolve(read(body)), reject, Pulse.now())
    })
  }

  protected send(key: string, request: object): void {
    this.conversation.send(key, request, Pulse.now())
  }

  // --- internal ---

  private owner(): Owner {
    return {
      open: () => this.open(),
      write: (line) => this.socket?.write(line),
      unsentBytes: () => this.socket?.unsentBytes() ?? 0,
      drop: () => this.release()?.drop(),
      hangUp: () => this.release()?.close(),
      changed: (change) => this.tell("state", change),
      stands: (place) => this.tell("place", place),
      began: (session) => this.tell("session", session),
      heard: (key, body) => {
        if (isHeard(key)) this.hear(key, body)
      },
      missed: (streams) => this.tell("missed", streams),
      refused: (error) => this.tell("refused", error),
      ended: (ending) => {
        Pulse.remove(this)
        this.over(ending)
      }
    }
  }

  private open(): void {
    this.release()?.drop()
    const socket: Socket = this.transport({
      opened: () => this.conversation.connected(Pulse.now()),
      received: (bytes) => this.conversation.received(bytes, Pulse.now()),
      heard: (line) => this.conversation.line(line),
      lost: (why) => {
        if (this.socket === socket) this.conversation.lost(why, Pulse.now())
      }
    })
    this.socket = socket
  }

  /** Whoever drops or closes the socket, nothing is written to it any more. */
  private release(): Socket | undefined {
    const { socket } = this
    this.socket = undefined
    return socket
  }

  private hear<K extends keyof Heard>(key: K, body: unknown): void {
    this.tell(key, eventReaders[key](body))
  }

  private tell<K extends keyof Events>(key: K, event: Events[K]): void {
    for (const listener of this.listeners[key]) {
      try {
        listener(event)
      } catch (error) {
        // A listener's fault is its owner's to hear of, and nobody else's to suffer.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}

// --- internal ---

/** The same readers, seen as what makes events. */
const eventReaders: { readonly [K in keyof Heard]: (body: unknown) => Events[K] } = readers

const isHeard = (key: string): key is keyof Heard => Object.hasOwn(readers, key)
