/**
 * The rules of tidiness, one function each: a file in, complaints out. What they complain of names the way out, so that
 * whoever breaks a rule need not look for this file.
 */
import type { Source } from "./Source.ts"

export type Rule = (source: Source) => ReadonlyArray<string>

/** Imports point down this list and never up; what stands on one line does not know each other. */
const layers: ReadonlyArray<ReadonlyArray<string>> = [
  ["main", "Embedded"],
  ["App"],
  ["command"],
  ["plaza", "watch"],
  ["client"],
  ["space"],
  ["bus"],
  ["link"],
  ["wire"]
]

/** Whom anyone may import; each with what it may import itself. */
const leaves: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["Knob", []],
  ["Chance", []],
  ["Monotonic", []],
  ["Settings", ["Knob"]],
  ["telemetry", []],
  ["Workers", ["telemetry", "Monotonic"]]
])

/** What the generated code may know of ours: the types its stubs name, and the run time of its decoders. */
const knownToGenerated: ReadonlyMap<string, "type" | "value"> = new Map([
  ["src/bus/Consumer.ts", "type"],
  ["src/wire/Strict.ts", "value"]
])

/** The SDK is published by itself: it knows nothing of ours but the one file that its plaza in process is started by. */
const sdkFolder = "sdk/typescript/src/"
const sdkTesting = { from: `${sdkFolder}Testing.ts`, to: "src/Embedded.ts" }

const brokers: ReadonlyArray<string> = ["ioredis", "kafkajs", "zookeeper"]

/** `src/wire/Lines.ts` is of wire, `src/App.ts` of App; undefined outside src. */
function layerOf(path: string): string | undefined {
  return /^src\/([^/]+?)(?:\.ts|\/.*)$/.exec(path)?.[1]
}

const heightOf = (layer: string): number => layers.findIndex((row) => row.includes(layer))

/** Why a file of layer `from` may not import one of layer `to`; undefined where it may. */
function upward(from: string, to: string, typeOnly: boolean): string | undefined {
  if (from === to) return
  if (to === "codegen" || from === "codegen") return "nothing at run time knows codegen, and codegen knows only gen"
  const allowed = leaves.get(from)
  if (allowed !== undefined) {
    if (allowed.includes(to) || (to === "wire" && typeOnly)) return
    return `${from} is a leaf: it imports nothing of ours but gen, and types of wire`
  }
  if (leaves.has(to)) return
  if (heightOf(from) === -1 || heightOf(to) === -1)
    return "the folder has no place among the layers (test/tidy/Rules.ts)"
  return heightOf(from) < heightOf(to) ? undefined : `imports point ${layers.map((row) => row.join("|")).join(" → ")}`
}

export const importDirection: Rule = (source) =>
  source.imports.flatMap(({ target, typeOnly }) => {
    const why = whyNot(source.path, target, typeOnly)
    return why === undefined ? [] : [`${source.path} imports ${target}: ${why}`]
  })

function whyNot(from: string, target: string, typeOnly: boolean): string | undefined {
  if (target === "(computed)" && !from.startsWith("test/")) return "say what is imported, so that it can be checked"
  const to = layerOf(target)
  if (from.startsWith("gen/")) {
    if (to === undefined) return
    const known = knownToGenerated.get(target)
    return known === "value" || (known === "type" && typeOnly) ? undefined : "gen knows only what its stubs need"
  }
  if (from.startsWith(sdkFolder)) return whyNotInSdk(from, target)
  const layer = layerOf(from)
  if (layer === undefined) return
  if (target.startsWith("sdk/") && layer !== "command") return "only commands are clients"
  if (/^(test|bench|scripts)\//.test(target)) return "src does not know its tests, measurements and scripts"
  return to === undefined ? undefined : upward(layer, to, typeOnly)
}

function whyNotInSdk(from: string, target: string): string | undefined {
  if (target.startsWith(sdkFolder)) return
  if (from === sdkTesting.from && target === sdkTesting.to) return
  if (target.startsWith("node:")) {
    const isTransport = from === `${sdkFolder}Tcp.ts`
    return isTransport ? undefined : "only the transport for Node knows Node: browsers run the rest"
  }
  return "the SDK depends on nothing"
}

export const brokerImports: Rule = (source) =>
  /^src\/(link|space)\//.test(source.path) || !source.path.startsWith("src/")
    ? []
    : source.imports
        .filter(({ target }) => brokers.some((broker) => target === broker || target.startsWith(`${broker}/`)))
        .map(({ target }) => `${source.path} imports ${target}: only link and space know that it exists`)

/** The make of a service is a module by another name: what is in it counts by itself. */
export const functionLength: Rule = (source) =>
  source.functions
    .filter(({ ownLines }) => ownLines > 70)
    .map(({ line, ownLines }) => `${source.path}:${line} is a function of ${ownLines} lines: split it (70 at most)`)

export const fileLength: Rule = (source) => {
  const lines = source.text.trimEnd().split("\n").length
  return lines > 400 ? [`${source.path} has ${lines} lines: split it (400 at most)`] : []
}

export const unfinished: Rule = (source) =>
  source.comments
    .filter(({ text }) => /\b(TODO|FIXME|XXX|HACK)\b/.test(text))
    .map(({ line }) => `${source.path}:${line} puts something off: do it, or open an issue`)

export const silencedCompiler: Rule = (source) => [
  ...source.comments
    .filter(({ text }) => /@ts-(ignore|nocheck)\b/.test(text))
    .map(({ line }) => `${source.path}:${line} silences the compiler: mend the types`),
  ...source.comments
    .filter(({ text }) => /@ts-expect-error\b/.test(text) && !source.path.startsWith("test/"))
    .map(({ line }) => `${source.path}:${line} expects a type error: only a test may`),
  ...source.anyLines.map((line) => `${source.path}:${line} says any: say unknown and narrow it`),
  ...source.doubleCastLines.map((line) => `${source.path}:${line} casts twice: narrow it, or decode it`)
]

export const noBarrel: Rule = (source) =>
  source.onlyHandsOn || /(^|\/)index\.ts$/.test(source.path)
    ? [`${source.path} only hands on what others export: import from where it is`]
    : []

export const beginsWithParagraph: Rule = (source) =>
  source.text.startsWith("/**\n * ") || source.text.startsWith("/** ")
    ? []
    : [`${source.path} does not begin with a paragraph that says what it owns`]

/** A path that holds on one machine only. Rooted names of an application's own, like /metrics, are not meant. */
export const machinePath: Rule = ({ path, text }) =>
  grep(path, text, /(?<![\w.~-])\/(work|home|root|tmp|Users|var\/folders)\/?(?![\w-])/, "is a path of one machine")

export const registryHost: Rule = ({ path, text }) =>
  grep(
    path,
    text,
    /\bregistry\.[\w-]+\.\w|\/npm\/-\/|"resolved":|artifactory|repo1?\.maven/i,
    "names a package registry"
  )

function grep(path: string, text: string, pattern: RegExp, what: string): ReadonlyArray<string> {
  return text
    .split("\n")
    .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1} ${what}: ${line.trim().slice(0, 80)}`] : []))
}

/** Rings of imports among these files, each said once; type imports count: such files cannot be read one by one. */
export function findCycles(sources: ReadonlyArray<Source>): ReadonlyArray<string> {
  const importsOf = new Map(sources.map((source) => [source.path, source.imports.map(({ target }) => target)]))
  const done = new Set<string>()
  const rings = new Set<string>()
  const visit = (path: string, way: ReadonlyArray<string>): void => {
    const begin = way.indexOf(path)
    if (begin !== -1) {
      rings.add([...way.slice(begin), path].join(" → "))
      return
    }
    if (done.has(path)) return
    for (const target of importsOf.get(path) ?? []) visit(target, [...way, path])
    done.add(path)
  }
  for (const path of importsOf.keys()) visit(path, [])
  return [...rings]
}

/** Files of src that none of the entries leads to. */
export function findUnused(sources: ReadonlyArray<Source>, entries: ReadonlyArray<string>): ReadonlyArray<string> {
  const importsOf = new Map(sources.map((source) => [source.path, source.imports.map(({ target }) => target)]))
  const reached = new Set<string>()
  const waiting = [...entries]
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (reached.has(path)) continue
    reached.add(path)
    waiting.push(...(importsOf.get(path) ?? []))
  }
  return sources.map(({ path }) => path).filter((path) => path.startsWith("src/") && !reached.has(path))
}
