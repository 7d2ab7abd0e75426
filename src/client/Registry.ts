/** Sessions by guest and by id: one session a guest. Owns no more than who has which; what becomes of them is Sessions'. */
import type { Session } from "./Session.ts"

export class Registry {
  readonly #guests = new Map<string, Session>()
  readonly #sessions = new Map<string, Session>()

  get size(): number {
    return this.#guests.size
  }

  /** Whether it is the one of its guest. */
  has(session: Session): boolean {
    return this.#guests.get(session.guest) === session
  }

  add(session: Session): void {
    this.#guests.set(session.guest, session)
    this.#sessions.set(session.session, session)
  }

  /** A newer session of the guest stays. */
  delete(session: Session): void {
    if (this.has(session)) this.#guests.delete(session.guest)
    if (this.#sessions.get(session.session) === session) this.#sessions.delete(session.session)
  }

  ofGuest(guest: string): Session | undefined {
    return this.#guests.get(guest)
  }

  ofSession(session: string): Session | undefined {
    return this.#sessions.get(session)
  }

  all(): Iterable<Session> {
    return this.#guests.values()
  }
}
