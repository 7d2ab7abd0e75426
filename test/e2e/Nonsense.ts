/**
 * Lines that no phone should say, by chance from a seed: bytes, text and JSON that is none of the protocol's, requests
 * as they should be, and such requests broken somewhere. The same seed makes the same lines.
 */

/** Numbers by chance: `below(3)` is 0, 1 or 2. */
export interface Chance {
  readonly below: (count: number) => number
  readonly pick: <A>(choices: readonly [A, ...ReadonlyArray<A>]) => A
}

/** Mulberry32: small, and good enough to be unfair with. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0
  const below = (count: number): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * count)
  }
  return { below, pick: (choices) => choices[below(choices.length)] ?? choices[0] }
}

const lineFeed = 0x0a

/** One line with its end. There may be ends within it, so that it is several; the last is always there. */
export function nonsense(chance: Chance, id: number): Buffer {
  const kinds = [anyBytes, anyText, anyJson, request, request, long] as const
  const line = chance.pick([...kinds, broken, broken, broken, altered, altered, altered, altered])(chance, id)
  return Buffer.concat([line, Buffer.from([lineFeed])])
}

// --- Kinds of lines ---

const anyBytes = ({ below }: Chance): Buffer => Buffer.from(Array.from({ length: below(300) }, () => below(256)))

const anyText = ({ below }: Chance): Buffer =>
  Buffer.from(Array.from({ length: below(100) }, () => String.fromCodePoint(below(0x11_0000))).join(""))

const anyJson = (chance: Chance): Buffer => Buffer.from(JSON.stringify(value(chance, 0)) ?? "")

const request = (chance: Chance, id: number): Buffer => Buffer.from(JSON.stringify(requestOf(chance, id)))

/** Longer than a line may be, now and then by one byte only. */
function long(chance: Chance, id: number): Buffer {
  const { below } = chance
  const start = request(chance, id).toString().slice(0, -1)
  return Buffer.from(start.padEnd(8_191 + below(2) * below(20_000), " ") + (below(2) === 0 ? "}" : ""))
}

/** A request with one to four things done to its bytes. */
function broken(chance: Chance, id: number): Buffer {
  let bytes = request(chance, id)
  for (let times = 1 + chance.below(4); times > 0; times--) bytes = chance.pick(harms)(chance, bytes)
  return bytes
}

/** A request that is JSON still, with a field that is something else, is missing, or is one too many. */
function altered(chance: Chance, id: number): Buffer {
  const { below, pick } = chance
  const line = JSON.parse(JSON.stringify(requestOf(chance, id)), (name, was: unknown) => {
    if (name === "" || below(6) > 0) return was
    const what = below(4)
    if (what === 0) return undefined
    return what === 1 && typeof was === "object" ? { ...was, [pick(names)]: value(chance, 3) } : value(chance, 3)
  })
  return Buffer.from(JSON.stringify(below(10) === 0 ? { ...line, [pick(names)]: value(chance, 3) } : line))
}

type Harm = (chance: Chance, bytes: Buffer) => Buffer

const cut = (bytes: Buffer, at: number, skip: number, between: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), between, bytes.subarray(at + skip)])

const harms: readonly [Harm, ...ReadonlyArray<Harm>] = [
  // A byte is another, is missing, is one too many; a part is twice, is missing, is nasty.
  ({ below }, bytes) => cut(bytes, below(bytes.length), 1, Buffer.from([below(256)])),
  ({ below }, bytes) => cut(bytes, below(bytes.length), 1, Buffer.alloc(0)),
  ({ below }, bytes) => cut(bytes, below(bytes.length), 0, Buffer.from([below(256)])),
  ({ below }, bytes) => {
    const at = below(bytes.length)
    return cut(bytes, at, 0, bytes.subarray(at, at + below(40)))
  },
  ({ below }, bytes) => cut(bytes, below(bytes.length), below(30), Buffer.alloc(0)),
  ({ below }, bytes) => bytes.subarray(0, below(bytes.length)),
  ({ below, pick }, bytes) => cut(bytes, below(bytes.length), 0, Buffer.from(pick(nasty))),
  (chance, bytes) => Buffer.from(bytes.toString().replace(/:("[^"]*"|\d+)/, `:${chance.pick(nasty)}`)),
  (chance, bytes) => Buffer.from(bytes.toString().replace(/"\w+":/, `"${chance.pick(names)}":`)),
  ({ below }, bytes) => Buffer.from(bytes.toString().replace(/\{/g, below(2) === 0 ? "{ " : "{\t"))
]

const nasty: readonly [string, ...ReadonlyArray<string>] = [
  "null",
  "true",
  "[]",
  "{}",
  "-1",
  "-0",
  "1e400",
  "1.5",
  "9007199254740993",
  "18446744073709551616",
  '"1e2"',
  '"\\ud800"',
  '"\\u0000"',
  '"\\u202e"',
  "\ufeff",
  "\u2028",
  '{"__proto__":{"polluted":1}}',
  "[".repeat(200),
  `${'{"a":'.repeat(20)}1${"}".repeat(20)}`,
  '"'.repeat(3),
  "\r",
  "\n",
  "\n\n",
  '\n{"ping":{}}\n'
]

const names: readonly [string, ...ReadonlyArray<string>] = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "",
  "id",
  "re",
  "x_cm",
  "say",
  "error",
  "disconnect",
  "$type",
  "가"
]

/** Any JSON value, not too deep. */
function value(chance: Chance, depth: number): unknown {
  const { below, pick } = chance
  const some = <A>(make: () => A): Array<A> => Array.from({ length: below(5) }, make)
  switch (below(depth > 4 ? 5 : 7)) {
    case 0:
      return pick([null, true, false])
    case 1:
      return below(2 ** 32) - 2 ** 31
    case 2:
      return below(2 ** 32) / 1_000
    case 3:
      return pick([...names, ...nasty])
    case 4:
      return some(() => String.fromCodePoint(below(0x3000))).join("")
    case 5:
      return some(() => value(chance, depth + 1))
    default:
      return Object.fromEntries(some(() => [pick(names), value(chance, depth + 1)]))
  }
}

/** A request that is, or nearly is, as it should be. */
function requestOf(chance: Chance, id: number): unknown {
  const { below, pick } = chance
  const text = () =>
    pick(["안녕하세요", "hi", "", "👨‍👩‍👧‍👦", "가".repeat(below(250)), "a\u0007b", "<script>", "'; DROP TABLE"])
  const secret = () => `fuzz-${below(60)}-${"s".repeat(below(2) * 16)}`
  const body = pick<() => object>([
    () => ({ hello: { deviceSecret: secret(), nickname: text(), sdk: text() } }),
    () => ({
      resume: { resumeToken: `v1.${text()}.${text()}`, streams: [{ name: "park/1", epoch: "e", seq: below(99) }] }
    }),
    () => ({ ping: {} }),
    () => ({ listPlaygrounds: {} }),
    () => ({
      enter: { playground: pick(["park", "park", "moon", "../park", "{park/1}"]), avatar: "fox", channel: below(3) }
    }),
    () => ({ leave: {} }),
    () => ({ move: { xCm: below(21_000), yCm: below(21_000) } }),
    () => ({ move: { xCm: 9_000 + below(2_000), yCm: 9_000 + below(2_000) } }),
    () => ({ pace: { pace: below(5) } }),
    () => ({ say: { text: text(), reach: pick(["REACH_NEARBY", "REACH_PLAYGROUND", 1, 2, 3, "NEARBY"]) } }),
    () => ({ whisper: { member: below(80), text: text() } }),
    () => ({ emote: { kind: pick(["wave", "dance", "가", ""]) } }),
    () => ({ typing: {} })
  ])()
  return below(3) === 0 ? body : { id: pick([id, id, id, below(id + 1), 0, below(2 ** 32)]), ...body }
}
