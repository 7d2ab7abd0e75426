/**
 * Each checker finds what it is for: logs of a run in which all is well, and the same with one thing wrong. A checker that
 * was never seen to complain proves nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  allConsumed,
  alternating,
  type Complaints,
  effectOnce,
  fenced,
  lostOnce,
  noDefects,
  noGhosts,
  noOneLost,
  nothingLeft,
  onePlaceEach,
  undisturbed,
  worksAgain
} from "./Checkers.ts"
import type { Event, Ledger, PhoneLog, Picture, Standing, Told } from "./Evidence.ts"
import { linesHeard, requestsOf } from "./Lines.ts"

// --- A run in which all is well: a and b meet, a says two lines, b's socket goes and comes back, a says a third ---

const log = (name: string, ...told: ReadonlyArray<Told>): PhoneLog => ({
  name,
  events: told.map((one, at): Event => ({ atMs: at * 1_000, ...one }))
})
const park = (seq: number) => [{ name: "park/1", epoch: "e", seq }]
const entered = (member: number, seq = 10): Told => ({
  kind: "entered",
  session: `s${member}`,
  member,
  streams: park(seq)
})
/** After Redis was emptied: of what was said before, nothing is in it. */
const anew = (member: number): Told => ({
  kind: "entered",
  session: `s${member}`,
  member,
  streams: [{ name: "park/1", epoch: "f", seq: 0 }]
})
const resumed = (member: number, recovered = true, seq = 12): Told => ({
  kind: "resumed",
  session: `s${member}`,
  member,
  recovered,
  streams: park(seq)
})
const appeared = (...members: ReadonlyArray<readonly [number, string]>): Told => ({ kind: "appeared", members })
const lost = (member: number): Told => ({ kind: "disappeared", members: [member], reason: "GONE_REASON_LOST" })
const heard = (seq: number, text: string): Told => ({ kind: "heard", stream: "park/1", seq, text })
const asked = (id: number, text: string, key = "say"): Told => ({ kind: "asked", session: "s1", id, key, text })
const done = (id: number, seq: number): Told => ({ kind: "answered", session: "s1", id, code: undefined, seq })
const refused = (id: number, code: string): Told => ({ kind: "answered", session: "s1", id, code, seq: 0 })
const closed: Told = { kind: "closed", why: "" }

const speaks = [asked(1, "a 1"), done(1, 11), heard(11, "a 1"), asked(2, "a 2"), done(2, 12), heard(12, "a 2")]
const a = log("a", entered(1), appeared([2, "b"]), ...speaks, asked(3, "a 3"), done(3, 13), heard(13, "a 3"))
const b = log(
  "b",
  entered(2),
  appeared([1, "a"]),
  ...[heard(11, "a 1"), closed, resumed(2), appeared([1, "a"]), heard(12, "a 2"), heard(13, "a 3")]
)

const standing = (member: number, nickname: string, some: Partial<Standing> = {}): Standing => ({
  member,
  nickname,
  guest: `g_${nickname}`,
  state: "present",
  runner: "one",
  incarnation: "one-1",
  era: 1,
  node: 5,
  connection: 1,
  place: "",
  ...some
})
const picture = (...members: ReadonlyArray<Standing>): Picture => ({ atMs: 0, members, fences: new Map() })
const both = picture(standing(1, "a"), standing(2, "b"))

const ledger: Ledger = {
  asked: [
    { at: "t/0/10", session: "s1", id: 1, text: "a 1" },
    { at: "t/0/11", session: "s1", id: 2, text: "" }
  ],
  decided: [
    { kind: "noriter.topic.v1.LineDecided", source: "t/0/10/0", isRefused: false, guest: "", count: 0 },
    { kind: "noriter.topic.v1.FlowersGiven", source: "t/0/11/0", isRefused: false, guest: "g_a", count: 1 },
    { kind: "noriter.topic.v1.FlowersReceived", source: "u/0/3/0", isRefused: false, guest: "g_b", count: 1 }
  ],
  dead: []
}
const gives = log("a", entered(1), asked(1, "a 1"), done(1, 11), asked(2, "", "give"), done(2, 0))
const requests = requestsOf(gives)

/** The log without what matches, or with something after the event of this place. */
const without = (from: PhoneLog, matches: (event: Event) => boolean): PhoneLog => ({
  ...from,
  events: from.events.filter((event) => !matches(event))
})
const then = (from: PhoneLog, ...told: ReadonlyArray<Told>): PhoneLog => ({
  ...from,
  events: [...from.events, ...told.map((one, at): Event => ({ atMs: 60_000 + at * 1_000, ...one }))]
})
const ofText = (text: string) => (event: Event) => event.kind === "heard" && event.text === text

/** Came when the first line had been said. */
const lateB = log("b", entered(2, 11), heard(12, "a 2"), heard(13, "a 3"))

describe("what is well is left alone", () => {
  it.each<readonly [string, Complaints]>([
    ["I1", noGhosts([a, b], both)],
    ["I2, alternating", alternating([a, b])],
    ["I2, nobody lost", noOneLost([then(a, lost(2)), b], new Set(["b"]))],
    ["I2, lost while away", noOneLost([then(a, lost(2)), then(b, closed)], new Set(), 5_000)],
    ["I2, lost once", lostOnce([then(a, lost(2)), b], new Set(["b"]))],
    ["I3", linesHeard([a, b])],
    ["I3, come anew into another history", linesHeard([a, then(lateB, closed, anew(3))])],
    ["I3, told of a gap", linesHeard([a, without(then(b, closed, resumed(2, false, 13)), ofText("a 3"))])],
    ["I4", fenced([both, picture(standing(1, "a", { node: 7 }), standing(2, "b", { connection: 2 }))])],
    [
      "I4, elsewhere",
      fenced([picture(standing(1, "a", { runner: "two", node: 9 })), picture(standing(1, "a", { connection: 2 }))])
    ],
    ["I5", onePlaceEach(both)],
    ["I6", effectOnce(requests, ledger)],
    ["I7", allConsumed(ledger)],
    ["I8", undisturbed([a, b], 20_000)],
    ["I9", nothingLeft(new Map([["keys", 100]]), new Map([["keys", 105]]))],
    [
      "I10",
      noDefects([{ name: "one", output: '{"level":"WARN","message":"no word from ZooKeeper"}', endedByItself: false }])
    ],
    ["I11", worksAgain(a, 0, 10_000)]
  ])("%s", (_, complaints) => assert.deepStrictEqual(complaints, []))
})

const planted: ReadonlyArray<readonly [string, string, Complaints, RegExp]> = [
  ["I1", "a ghost in Redis", noGhosts([a, b], picture(...both.members, standing(3, "c"))), /^c is shown in Redis/],
  ["I1", "a ghost in a view", noGhosts([then(a, appeared([3, "c"])), b], both), /^a sees c, who has no socket/],
  ["I2", "somebody who is not in Redis", noGhosts([a, b], picture(standing(1, "a"))), /^b has a socket and is not/],
  ["I2", "somebody whom nobody sees", noGhosts([then(a, lost(2)), b], both), /^a does not see b/],
  ["I2", "one user seen twice", noGhosts([then(a, appeared([4, "b"])), b], both), /^a sees somebody twice/],
  ["I2", "appeared twice", alternating([then(a, appeared([2, "b"])), b]), /^to a, 2 appeared twice/],
  ["I2", "gone twice", alternating([then(a, lost(2), lost(2)), b]), /^to a, 2 disappeared without/],
  ["I2", "told gone while there", noOneLost([then(a, lost(2)), b], new Set()), /^a was told that b is lost/],
  ["I2", "told gone twice", lostOnce([then(a, lost(2), lost(2)), b], new Set(["b"])), /^a was told 2 times that b/],
  ["I3", "a line not heard", linesHeard([a, without(b, ofText("a 2"))]), /^b did not hear a 2/],
  ["I3", "the last line not heard", linesHeard([a, without(b, ofText("a 3"))]), /^b did not hear a 3/],
  ["I3", "a line not heard by its speaker", linesHeard([without(a, ofText("a 1")), b]), /^a did not hear a 1/],
  ["I3", "a gap said to be none", linesHeard([a, without(b, ofText("a 2"))]), /^b did not hear a 2/],
  ["I3", "a line heard twice", linesHeard([a, then(b, heard(13, "a 3"))]), /^b heard 13 \(a 3\) after 13/],
  ["I3", "a line that stands twice", linesHeard([a, then(b, heard(14, "a 3"))]), /^a 3 stands at 13 and 14/],
  [
    "I3",
    "another order",
    linesHeard([a, then(without(b, ofText("a 2")), heard(12, "a 2"))]),
    /^b heard 12 .* after 13/
  ],
  ["I3", "what nobody said", linesHeard([a, then(b, heard(14, "x"))]), /^b heard x, which nobody said/],
  [
    "I3",
    "what was refused is heard",
    linesHeard([then(a, asked(4, "a 4"), refused(4, "ERROR_CODE_UNAVAILABLE")), then(b, heard(14, "a 4"))]),
    /^b heard a 4, which was refused/
  ],
  [
    "I3",
    "acknowledged and heard by nobody",
    linesHeard([then(a, asked(4, "a 4"), done(4, 14)), b]),
    /^a did not hear a 4/
  ],
  [
    "I4",
    "an owner that goes back",
    fenced([picture(standing(1, "a", { node: 7, incarnation: "one-2" })), both]),
    /^a went from one-2 back to one-1/
  ],
  [
    "I4",
    "a connection that goes back",
    fenced([picture(standing(1, "a", { runner: "two", incarnation: "two-1", connection: 3 })), both]),
    /^a went from two-1 back to one-1/
  ],
  [
    "I4",
    "a fenced incarnation that writes",
    fenced([
      { ...picture(standing(1, "a", { state: "away" })), fences: new Map([["one", { era: 1, node: 5 }]]) },
      picture(standing(1, "a"))
    ]),
    /^a was written by one-1, which was fenced/
  ],
  ["I5", "two places", onePlaceEach(picture(standing(1, "a"), standing(2, "a"))), /^a stands at 1 and 2/],
  [
    "I6",
    "done twice",
    effectOnce(requests, {
      ...ledger,
      asked: [...ledger.asked, { at: "t/0/12", session: "s1", id: 2, text: "" }],
      decided: [...ledger.decided, ...ledger.decided.slice(1, 2).map((fact) => ({ ...fact, source: "t/0/12/0" }))]
    }),
    /^a's give 2 \(done\) took effect 2 times/
  ],
  [
    "I6",
    "acknowledged and not done",
    effectOnce(requests, { ...ledger, decided: [] }),
    /give 2 \(done\) took effect 0/
  ],
  [
    "I6",
    "refused and done",
    effectOnce(requestsOf(log("a", entered(1), asked(2, "", "give"), refused(2, "ERROR_CODE_MEMBER_GONE"))), ledger),
    /\(refused\) took effect 1 times/
  ],
  ["I7", "never decided", allConsumed({ ...ledger, decided: [] }), /^s1 2 is on the log and was never decided/],
  [
    "I7",
    "given and not received",
    allConsumed({ ...ledger, decided: ledger.decided.slice(0, 2) }),
    /1 flowers were given and 0/
  ],
  ["I8", "a bystander's socket", undisturbed([a, b], 0), /^b was disconnected \(no word\)/],
  [
    "I9",
    "keys that stay",
    nothingLeft(new Map([["keys", 100]]), new Map([["keys", 106]])),
    /^106 keys, and 100 before/
  ],
  ["I9", "keys of a new kind", nothingLeft(new Map(), new Map([["fds", 1]])), /^1 fds/],
  ["I10", "an end", noDefects([{ name: "one", output: "", endedByItself: true }]), /^one ended by itself/],
  [
    "I10",
    "a promise nobody waits for",
    noDefects([{ name: "one", output: "x\n[UnhandledPromiseRejection: y]", endedByItself: false }]),
    /^one printed/
  ],
  ["I11", "too late", worksAgain(a, 0, 3_000), /^a was heard \d+ ms after the heal/],
  [
    "I11",
    "never",
    worksAgain(
      without(a, ({ kind }) => kind === "heard"),
      0,
      10_000
    ),
    /was not heard/
  ]
]

describe("what is wrong is found", () => {
  it.each(planted)("%s: %s", (_, __, complaints, expected) => {
    assert.isNotEmpty(complaints)
    assert.match(complaints[0] ?? "", expected)
  })
})

describe("what became of a request", () => {
  it.each([
    ["done", [asked(1, "x"), done(1, 5)], "done"],
    ["done when asked again", [asked(1, "x"), refused(1, "ERROR_CODE_UNCERTAIN"), asked(1, "x"), done(1, 5)], "done"],
    ["not taken", [asked(1, "x"), refused(1, "ERROR_CODE_UNAVAILABLE")], "refused"],
    ["decided against", [asked(1, "x"), asked(1, "x"), refused(1, "ERROR_CODE_MEMBER_GONE")], "refused"],
    ["no word", [asked(1, "x")], "uncertain"],
    ["not taken the second time", [asked(1, "x"), asked(1, "x"), refused(1, "ERROR_CODE_UNAVAILABLE")], "uncertain"],
    ["forgotten", [asked(1, "x"), refused(1, "ERROR_CODE_STALE_ID")], "uncertain"]
  ] as const)("%s", (_, told, outcome) => {
    assert.deepStrictEqual(
      requestsOf(log("a", entered(1), ...told)).map((request) => request.outcome),
      [outcome]
    )
  })
})
