/**
 * A shared space that judges each commit when it happens, whoever makes it: what presence must never do, at no time. No
 * troubled layer is between. What must be so in the end is for whoever runs the simulation to say.
 */
import { MemberRecord, SessionRecord } from "../../gen/noriter/space/v1/records.ts"
import { incarnationTag } from "../../src/space/Lease.ts"
import { Space } from "../../src/space/MemorySharedSpace.ts"
import { sessionKey } from "../../src/space/PresenceWrites.ts"
import { type Commit, CommitRefused } from "../../src/space/SharedSpace.ts"
import { isChannel, memberPrefix } from "../../src/space/Tag.ts"
import { isVoid } from "../space/Members.ts"

export class JudgedSpace extends Space {
  readonly wrongs: Array<string> = []
  /** Incarnations whose runner runs and has been heard of: nobody may fence them. */
  readonly sound = new Set<string>()
  /** Incarnations that are fenced in every channel: they may change no member any more. */
  readonly #fenced = new Set<string>()
  readonly #raised = new Set<string>()
  /** Members that a session has named, and then no longer: whoever is removing one may be late. */
  readonly #released = new Set<string>()
  /** It has never gone back: what was written first is still there when what follows from it is written. */
  #isWhole = true
  /** Commits that have happened: made again they change nothing. */
  readonly #tokens = new Set<string>()

  override commit(commit: Commit) {
    const named = this.#namedMembers(commit)
    const released = this.#releasedMember(commit)
    const newer = this.#newerMembers(commit)
    const committed = super.commit(commit)
    const token = `${commit.tag} ${commit.token}`
    if (committed instanceof CommitRefused || this.#tokens.has(token)) return committed
    this.#tokens.add(token)
    if (released !== undefined) this.#released.add(released)
    this.committed(commit)
    if (this.#isWhole) this.wrongs.push(...named.map((member) => `${member} was removed while its session named it`))
    this.wrongs.push(...newer)
    const { guard, tag, generation } = commit
    // In one that is over it says nothing to anybody (rule L12).
    const counts = !isVoid(this, generation)
    if (counts && isChannel(tag) && "by" in guard && guard.by !== undefined && this.#fenced.has(guard.by.incarnation)) {
      this.wrongs.push(`${guard.by.incarnation} changed ${tag} after it was fenced`)
    }
    this.#noteFences(commit)
    return committed
  }

  /** For whoever looks further. */
  protected committed(_commit: Commit): void {}

  /** What it holds is no longer what was committed: it has gone back, or was emptied. */
  protected begin(): void {
    this.#isWhole = false
    this.#tokens.clear()
    this.#fenced.clear()
    this.#raised.clear()
  }

  /** Members that this would remove though their sessions stand and name them. */
  #namedMembers({ tag, changes }: Commit): ReadonlyArray<string> {
    if (!isChannel(tag)) return []
    return changes.flatMap((change) => {
      if (change._tag !== "Delete" || !change.key.startsWith(memberPrefix)) return []
      const entry = this.read({ tag, keys: [change.key] }).entries.get(change.key)
      const record = entry && MemberRecord.decode(entry.value)
      const session = record && this.#session(record.guest)
      const isNamed = session?.session === record?.session && session?.channel === tag
      const member = `${tag}/${change.key}`
      return isNamed && `${memberPrefix}${session?.member}` === change.key && !this.#released.has(member)
        ? [member]
        : []
    })
  }

  /** Members that this removes though a newer connection has taken them over (rule P3). */
  #newerMembers({ tag, guard, changes }: Commit): ReadonlyArray<string> {
    const by = "by" in guard ? guard.by : undefined
    if (!isChannel(tag) || by === undefined) return []
    return changes.flatMap((change) => {
      if (change._tag !== "Delete" || !change.key.startsWith(memberPrefix)) return []
      const owner = this.read({ tag, keys: [change.key] }).entries.get(change.key)?.owner
      const isNewer = owner !== undefined && owner.connection > by.connection
      return isNewer ? [`${by.incarnation}/${by.connection} removed ${tag}/${change.key} of ${owner.connection}`] : []
    })
  }

  /** The member that a session names until this is committed, and not after it. */
  #releasedMember({ tag, changes }: Commit): string | undefined {
    const change = changes.find((one) => "key" in one && one.key === sessionKey)
    const before = change && this.#session(tag)
    if (before === undefined || before.member === 0) return undefined
    const after = change?._tag === "Put" ? SessionRecord.decode(change.value) : undefined
    const isSame =
      after?.session === before.session && after.channel === before.channel && after.member === before.member
    return isSame ? undefined : `${before.channel}/${memberPrefix}${before.member}`
  }

  /** One that is of a generation that is over names nobody (rule L12), were it written just now. */
  #session(guest: string): SessionRecord | undefined {
    const { generation, entries } = this.read({ tag: guest, keys: [sessionKey] })
    const entry = isVoid(this, generation) ? undefined : entries.get(sessionKey)
    return entry && SessionRecord.decode(entry.value)
  }

  /** A sweep fences its own tag, then the channels; whatever else it changes comes after that. */
  #noteFences({ tag, changes }: Commit): void {
    for (const change of changes) {
      if (change._tag === "Fence" && tag.startsWith("inc/")) {
        const id = tag.slice("inc/".length)
        if (this.sound.has(id)) this.wrongs.push(`${id} was fenced, and is well`)
        this.#raised.add(id)
      }
      const isAfter = change._tag === "Fence" && !tag.startsWith("inc/") && !isChannel(tag)
      const isDone = (id: string) =>
        change._tag === "Fence" ? id.startsWith(change.runner) : tag === incarnationTag(id)
      if (isAfter || change._tag === "RemoveTag") {
        for (const id of this.#raised) if (isDone(id)) this.#fenced.add(id)
      }
    }
  }
}
