/**
 * The shared space of a plaza under simulation, and what it has ever said: each line of each stream, each claim of a
 * session, each number a session has named. By that it is judged what phones were told. What presence must never do is
 * JudgedSpace's.
 */
import { LineTold } from "../../../gen/noriter/runner/v1/chat.ts"
import { MailTold } from "../../../gen/noriter/runner/v1/mailbox.ts"
import { MemberRecord, SessionRecord } from "../../../gen/noriter/space/v1/records.ts"
import type { Hub } from "../../../src/link/MemoryRunnerLink.ts"
import { generationText } from "../../../src/link/Roster.ts"
import { mailboxStream } from "../../../src/plaza/mailbox/MailStream.ts"
import { linesStream } from "../../../src/plaza/playground/LineStream.ts"
import { blocksStream } from "../../../src/plaza/social/Blocks.ts"
import { isShown } from "../../../src/space/PresenceState.ts"
import { memberCounter, sessionKey } from "../../../src/space/PresenceWrites.ts"
import type { Change, Commit } from "../../../src/space/SharedSpace.ts"
import { isChannel, memberPrefix } from "../../../src/space/Tag.ts"
import { JudgedSpace } from "../JudgedSpace.ts"

export interface Line {
  readonly seq: number
  readonly text: string
}

interface Claim {
  readonly incarnation: string
  /** Whether it was in the roster when it claimed. */
  readonly isLiving: boolean
}

export class Truth extends JudgedSpace {
  /** By history and tag; the lines of each by their seq. */
  readonly lines = new Map<string, Map<number, string>>()
  readonly claims = new Map<string, Array<Claim>>()
  /** Guests whose session the space has gone back behind, or was put back in: what it had asked nobody knows for certain. */
  readonly forgotten = new Set<string>()
  /** Lines that the space has lost by going back, and that were not said again, or only then: who heard them has heard them. */
  readonly #undone = new Set<string>()
  /** By tag: the marks between which what was decided is lost, and is decided anew (rule L11). */
  readonly #lost = new Map<string, Array<readonly [after: number, upTo: number]>>()
  readonly #applied = new Set<string>()
  /** What was passed on to a mailbox, by its line: the offset of what was asked of a channel. */
  readonly #passedFrom = new Map<string, number>()
  /** Told of everything that is committed, in order. */
  onCommit: ((what: string) => void) | undefined
  readonly #isLiving: (incarnation: string) => boolean
  readonly #named = new Set<string>()

  constructor(hub: Hub, isLiving: (incarnation: string) => boolean) {
    super(hub)
    this.#isLiving = isLiving
  }

  isUndone(history: string, seq: number): boolean {
    return this.#undone.has(`${history} ${seq}`)
  }

  /** Whether its record was decided before the space went back behind that, and was decided anew by who was there then. */
  isDecidedAnew(history: string, seq: number): boolean {
    const [, tag = ""] = history.split(" ")
    const passedFrom = this.#passedFrom.get(`${history} ${seq}`)
    if (passedFrom === undefined) return this.#isLost(tag, seq - 1)
    return [...this.#lost.keys()].some((other) => isChannel(other) && this.#isLost(other, passedFrom))
  }

  #isLost(tag: string, offset: number): boolean {
    return this.#lost.get(tag)?.some(([after, upTo]) => offset > after && offset <= upTo) === true
  }

  /** Whether it was said in another generation, and not in this one. */
  isOfAnother(history: string, { seq, text }: Line): boolean {
    if (this.lines.get(history)?.get(seq) === text) return false
    const tag = history.split(" ")[1]
    return [...this.lines].some(([other, lines]) => other.endsWith(` ${tag}`) && lines.get(seq) === text)
  }

  /** Between these two seqs, the first not among them. */
  between(history: string, after: number, upTo: number): ReadonlyArray<Line> {
    return [...(this.lines.get(history) ?? [])]
      .map(([seq, text]) => ({ seq, text }))
      .filter(({ seq }) => seq > after && seq <= upTo && !this.isUndone(history, seq))
      .sort((a, b) => a.seq - b.seq)
  }

  protected override committed(commit: Commit): void {
    const { tag, guard, changes } = commit
    if (guard._tag === "Applied") this.#applied.add(tag)
    if (this.onCommit !== undefined) {
      const by = "by" in guard && guard.by !== undefined ? `${guard.by.incarnation}/${guard.by.connection}` : ""
      this.onCommit(`${tag} ${guard._tag} ${by} ${changes.map(nameOf).join(", ")}`)
    }
    for (const change of changes) {
      // That of blocks says nothing but where its head is.
      if (change._tag === "Append" && change.stream !== blocksStream) this.#append(commit, change)
      else if (change._tag === "Put" && change.key === sessionKey) this.#claimed(commit, change)
      else if (change._tag === "Put" || change._tag === "PutNext") this.#shown(commit, change)
    }
  }

  #append(
    { tag, generation, guard }: Commit,
    { stream, seq, value }: Extract<Change, { readonly _tag: "Append" }>
  ): void {
    const history = historyOf(generationText(generation), tag)
    const kept = this.lines.get(history) ?? new Map<number, string>()
    this.lines.set(history, kept)
    const text = stream === mailboxStream ? textOfMail(MailTold.decode(value)) : LineTold.decode(value).text
    const before = kept.get(seq)
    if (before !== undefined && before !== text) this.wrongs.push(`${history} ${seq} was "${before}", and is "${text}"`)
    kept.set(seq, text)
    const source = guard._tag === "Applied" ? guard.records.find(({ offset }) => offset === seq - 1)?.source : undefined
    if (source !== undefined) this.#passedFrom.set(`${history} ${seq}`, source.offset)
    // Refused before the space went back it was heard by nobody, and those who heard what came after it never hear it.
    if (before === undefined && this.#isLost(tag, seq - 1)) this.#undone.add(`${history} ${seq}`)
    else this.#undone.delete(`${history} ${seq}`)
  }

  #claimed({ tag }: Commit, { value, owner }: Extract<Change, { readonly _tag: "Put" }>): void {
    const { session, channel, member, staleId } = SessionRecord.decode(value)
    if (staleId > 0 && this.#lost.size > 0) this.forgotten.add(tag)
    if (channel !== "" && member !== 0) this.#named.add(`${session} ${channel}/${member}`)
    if (owner === undefined) return
    const claims = this.claims.get(tag) ?? []
    this.claims.set(tag, claims)
    claims.push({ incarnation: owner.incarnation, isLiving: this.#isLiving(owner.incarnation) })
  }

  #shown({ tag }: Commit, change: Extract<Change, { readonly _tag: "Put" | "PutNext" }>): void {
    const key = change._tag === "Put" ? change.key : change.prefix
    if (!isChannel(tag) || !key.startsWith(memberPrefix)) return
    const { session, state } = MemberRecord.decode(change.value)
    const counted = () => this.read({ tag, keys: [] }).counters.get(memberCounter)
    const member = change._tag === "Put" ? key.slice(memberPrefix.length) : counted()
    if (isShown(state) && !this.#named.has(`${session} ${tag}/${member}`)) {
      this.wrongs.push(`${tag}/${member} was shown, and its session has never named it`)
    }
  }

  // --- What befalls it ---

  override rewind(...saved: Parameters<JudgedSpace["rewind"]>): void {
    this.begin()
    const stood = Array.from(this.#applied, (tag) => [tag, this.#markOf(tag)] as const)
    const sessions = Array.from(this.claims.keys(), (guest) => [guest, this.#sessionOf(guest)] as const)
    super.rewind(...saved)
    for (const [guest, session] of sessions) if (this.#sessionOf(guest) !== session) this.forgotten.add(guest)
    for (const [tag, upTo] of stood) {
      this.#lost.set(tag, [...(this.#lost.get(tag) ?? []), [this.#markOf(tag), upTo]])
    }
    for (const [history, lines] of this.lines) {
      const [, tag = ""] = history.split(" ")
      const { heads } = this.read({ tag, keys: [] })
      const head = Math.max(heads.get(linesStream)?.seq ?? 0, heads.get(mailboxStream)?.seq ?? 0)
      for (const seq of lines.keys()) if (seq > head) this.#undone.add(`${history} ${seq}`)
    }
  }

  #sessionOf(guest: string): string | undefined {
    const value = this.read({ tag: guest, keys: [sessionKey] }).entries.get(sessionKey)?.value
    return value && SessionRecord.decode(value).session
  }

  #markOf(tag: string): number {
    return this.read({ tag, keys: [] }).applied
  }
}

/** A stream in one generation. */
export const historyOf = (epoch: string, tag: string): string => `${epoch} ${tag}`

const nameOf = (change: Change): string => {
  if (!("key" in change)) return "stream" in change ? `${change._tag} ${change.stream} ${change.seq}` : change._tag
  if (change._tag !== "Put" || change.key !== sessionKey) return `${change._tag} ${change.key}`
  const { session, state, channel, member } = SessionRecord.decode(change.value)
  return `Put ${session} in ${channel}/${member}, ${state}, of ${change.owner?.incarnation}/${change.owner?.connection}`
}

/** As a phone hears it. */
const textOfMail = ({ body }: MailTold): string => {
  switch (body?.$case) {
    case "whisper":
      return body.value.text
    case "gift":
      return giftText(body.value)
    default:
      return ""
  }
}

export const giftText = ({ nickname, count }: { readonly nickname: string; readonly count: number }): string =>
  `${count} from ${nickname}`
