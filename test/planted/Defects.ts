/**
 * Defects that are planted to see the checks fail: each takes away one thing that a guarantee rests on, in every place that
 * does it, twins and scripts alike. A simulation and a test of real processes run with the same ones (Plant). Where each
 * stands is checked by Defects.test.ts, so that none rots.
 */

/** A text that stands once in a file, and what stands there instead. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string
  readonly find: string
  readonly replace: string
}

export interface Defect {
  readonly name: string
  /** What is no longer done, with the rule that says it. */
  readonly what: string
  readonly edits: ReadonlyArray<Edit>
}

const twin = "src/space/MemoryTag.ts"
const script = "src/space/lua/commit.lua"

/** What else would show within half a minute. */
const headsOfBlocksOff: Edit = {
  file: "src/plaza/mailbox/Mailbox.ts",
  find: "(guest?.heads.get(blocksStream)?.seq ?? 0) > hidden.of(session).seq",
  replace: "(guest?.heads.get(blocksStream)?.seq ?? 0) < 0"
}

export const defects: ReadonlyArray<Defect> = [
  {
    name: "sweep-off",
    what: "nobody sweeps up after a dead runner (P8)",
    edits: [
      {
        file: "src/watch/Watcher.ts",
        find: `  yield* workers.run("sweep", Effect.repeat(sweep, Schedule.spaced(deadlinesMs)))\n`,
        replace: ""
      }
    ]
  },
  {
    name: "ownership-unchecked",
    what: "anyone changes what is another's (P3)",
    edits: [
      {
        file: twin,
        find: "return owner !== undefined && isSame(owner, guard.by) ?",
        replace: "return owner !== undefined ?"
      },
      { file: script, find: "if ownerAt(guard.key) ~= guard.by then", replace: `if ownerAt(guard.key) == "" then` }
    ]
  },
  {
    name: "applied-unchecked",
    what: "a record that was applied is applied again (L3)",
    edits: [
      { file: twin, find: `if (after !== tag.applied) return refusal("Applied")`, replace: "" },
      { file: twin, find: `if (offset <= applied) return refusal("Applied")`, replace: "" },
      {
        file: script,
        find: `  if guard.after and guard.after ~= last then return refused("Applied") end\n`,
        replace: ""
      },
      { file: script, find: `    if record.offset <= last then return refused("Applied") end\n`, replace: "" },
      {
        file: "src/space/Deciding.ts",
        find: "if (one.record.offset > state.applied) turn.take(one)",
        replace: "turn.take(one)"
      },
      {
        file: "src/space/Applier.ts",
        find: `if (asked.every(isApplied)) return "done"`,
        replace: `if (asked.length === 0) return "done"`
      }
    ]
  },
  {
    name: "source-unchecked",
    what: "what came from another tag is taken in as often as it was sent (L4)",
    edits: [
      { file: twin, find: `return refusal("Source", key)`, replace: "marks.delete(key)" },
      { file: script, find: `return refused("Source", source.key)`, replace: "marks[source.key] = nil" },
      {
        file: "src/space/Deciding.ts",
        find: "if (source === undefined) return false\n",
        replace: "if (source === undefined || source.offset >= 0) return false\n"
      }
    ]
  },
  {
    name: "reads-unchecked",
    what: "a commit does not look whether what it rests on has changed (L5)",
    edits: [
      { file: twin, find: `return refusal("Conflict", key)`, replace: "continue" },
      {
        file: script,
        find: `if version ~= read.version or isOthers then return refused("Conflict", read.key) end`,
        replace: ""
      }
    ]
  },
  {
    name: "one-outcome",
    what: "of a session's requests only the last one is remembered (L6)",
    edits: [
      {
        file: "src/space/SharedSpace.ts",
        find: "export const outcomesMax = 64",
        replace: "export const outcomesMax = 1"
      }
    ]
  },
  {
    name: "never-hidden",
    what: "a member is seen before its session names it (P2)",
    edits: [
      {
        file: "src/space/PresenceWrites.ts",
        find: "const state = hidden(nowMs)",
        replace: "const state = { ...hidden(nowMs), state: 1 as const }"
      }
    ]
  },
  {
    name: "member-ends-first",
    what: "a member goes before its session has ended (P1)",
    edits: [
      {
        file: "src/space/Presence.ts",
        find: "  yield* writes.endSession(held)\n  yield* removeMemberOf(writes, held.record, reason)\n",
        replace: "  yield* removeMemberOf(writes, held.record, reason)\n  yield* writes.endSession(held)\n"
      }
    ]
  },
  {
    name: "zombies-claim",
    what: "a runner gives a session up to one that is dead (P4)",
    edits: [
      {
        file: "src/space/Regain.ts",
        find: `if (claimant === "living") return "replaced"`,
        replace: `if (claimant !== undefined) return "replaced"`
      }
    ]
  },
  {
    name: "missing-is-empty",
    what: "what the shared space has lost counts as never having been (L12)",
    edits: [
      {
        file: "src/space/Founding.ts",
        find: "isOf(state, self.generation) && state.entries.has(wholeKey) ? Effect.succeed(true) : isRebuilt",
        replace: "Effect.succeed(true)"
      }
    ]
  },
  {
    name: "no-going-back",
    what: "a shared space that has gone back is not told again what it has lost (L11)",
    edits: [
      {
        file: "src/space/GoingBack.ts",
        find: "for (const trail of this.#trails.values()) this.#goBack(trail, stoodAt(trail, this.lostSinceMs))",
        replace: ""
      },
      { file: "src/space/GoingBack.ts", find: "if (applied >= before) return true", replace: "return true" },
      {
        file: "src/space/Applier.ts",
        find: "    fork(goBack(clock.currentTimeMillisUnsafe() - goingBack.lostForMs))\n",
        replace: ""
      },
      {
        file: "src/link/MemoryGroup.ts",
        find: "Math.min(committed, partition.offsetAt(sinceMs))",
        replace: "committed"
      },
      {
        file: "src/link/kafka/Reader.ts",
        find: "const minuteAgoMs = nowMs - assignedGoBackMs",
        replace: "const minuteAgoMs = nowMs"
      },
      {
        file: "src/link/kafka/AssignedPartition.ts",
        find: "from: this.steps[0]?.offset ?? next",
        replace: "from: next"
      }
    ]
  },
  {
    name: "heads-off",
    what: "nobody looks whether a line was missed (C3)",
    edits: [
      {
        file: "src/plaza/playground/Channels.ts",
        find: "(now?.heads.get(linesStream)?.seq ?? 0) > view.head) yield* fillUnlessFilling(channel)",
        replace: "view.head < 0) yield* fillUnlessFilling(channel)"
      }
    ]
  },
  {
    name: "fence-where-found",
    what: "the fence is raised only in channels where members were found (P8)",
    edits: [
      {
        file: "src/watch/Sweep.ts",
        find: "yield* Effect.forEach(channels, raise, {",
        replace: `const found = yield* Effect.filter(channels, (each) => Effect.map(this.#membersIn(each), (some) => some.length > 0))
      yield* Effect.forEach(found, raise, {`
      }
    ]
  },
  {
    name: "resume-unreplayed",
    what: "who resumes is not told what they missed (guarantee 5)",
    edits: [
      {
        file: "src/plaza/playground/View.ts",
        find: "if (missed.length > 0) phone.outbox.push(joined(missed, member.number))",
        replace: ""
      }
    ]
  },
  {
    name: "resume-replayed-twice",
    what: "who resumes is told twice what they missed (guarantee 5)",
    edits: [
      {
        file: "src/plaza/playground/View.ts",
        find: "phone.outbox.push(joined(missed, member.number))",
        replace: "phone.outbox.push(joined([...missed, ...missed], member.number))"
      }
    ]
  },
  {
    name: "claimed-before-named",
    what: "what a runner holds is named by its index afterwards (P6)",
    edits: [
      {
        file: "src/space/PresenceIndex.ts",
        find: `Effect.flatMap(named, () => {
        isTried = true
        return hold
      })`,
        replace: `Effect.suspend(() => {
        isTried = true
        return Effect.tap(hold, () => named)
      })`
      }
    ]
  },
  {
    name: "broken-off",
    what: "nobody looks after a session whose claim broke off (P5)",
    edits: [
      { file: "src/client/Sessions.ts", find: "found.forEach(takeIn)", replace: "found.slice(0, 0).forEach(takeIn)" }
    ]
  },
  {
    name: "told-again",
    what: "a view tells its phones again whom they see (P11)",
    edits: [
      {
        file: "src/plaza/playground/Difference.ts",
        find: "if (!isNear(cell, from)) came = this.withStill(came, cell, viewer)",
        replace: "came = this.withStill(came, cell, viewer)"
      }
    ]
  },
  {
    name: "blocks-unread",
    what: "whom a guest blocks is not read where the phone comes in, nor where heads are compared (decision 0016)",
    edits: [
      headsOfBlocksOff,
      { file: "src/plaza/playground/Entrance.ts", find: "hidden.read(session)]", replace: "Effect.void]" },
      {
        file: "src/plaza/playground/PlazaAttendance.ts",
        find: "member === undefined ? Effect.void : hidden.read(session)",
        replace: "Effect.void"
      }
    ]
  },
  {
    name: "blocks-untold",
    what: "a commit does not tell whom a guest blocks, nor is it looked for at the answer or in heads (decision 0016)",
    edits: [
      headsOfBlocksOff,
      {
        file: "src/plaza/social/BlockDeciders.ts",
        find: "tell: incarnation === undefined ? [] : [told]",
        replace: "tell: told.seq > 0 ? [] : [told]"
      },
      {
        file: "src/plaza/social/BlockConsumer.ts",
        find: "hidden.of(caller).seq < seq)",
        replace: "hidden.of(caller).seq < 0)"
      }
    ]
  },
  {
    name: "blocks-not-rebuilt",
    what: "facts of blocks say nothing of them (L13)",
    edits: [
      {
        file: "src/plaza/social/BlockDeciders.ts",
        find: "if (block <= before.last) return {}",
        replace: "if (block <= before.last || before.last === 0) return {}"
      }
    ]
  },
  {
    name: "moves-untold",
    what: "moves that could not be told to other runners are not told again (P10)",
    edits: [
      {
        file: "src/plaza/playground/Channels.ts",
        find: "fork(Effect.catch(bus.publish(moves), () => Effect.sync(() => view.keyFrameAsked())))",
        replace: "fork(Effect.ignore(bus.publish(moves)))"
      }
    ]
  },
  {
    name: "places-a-second-old",
    what: "who has stopped is moved back where a channel is read anew, also for somebody unknown who has moved (P10)",
    edits: [
      { file: "src/plaza/playground/Channels.ts", find: "places: keepsPlaces", replace: "places: false" },
      { file: "src/plaza/playground/Roll.ts", find: "if (this.untaken) this.peers.doubt()\n    this", replace: "this" }
    ]
  },
  {
    name: "given-away-unasked",
    what: "nobody asks where who has gone to another runner stands (P10)",
    edits: [
      {
        file: "src/plaza/playground/View.ts",
        find: "this.roll.giveAway(member)",
        replace: "this.roll.meet(member)"
      }
    ]
  },
  {
    name: "removed-by-number",
    what: "an operator's order removes whoever has the number by then, and not whom the operator saw (E2)",
    edits: [
      {
        file: "src/plaza/ops/Orders.ts",
        find: "(seen !== undefined && seen !== seenOf(channel, member, session))",
        replace: "seen === undefined"
      },
      {
        file: "src/plaza/ops/OpsDeciders.ts",
        find: `(meant === "" || meant === session)`,
        replace: "meant !== undefined"
      }
    ]
  }
]
