/**
 * `npm run check:protocol [root]`: may these protos be released? Five gates, each with one line of verdict; any refusal
 * ends with exit code 1. What a change of promises is, is src/codegen/LockCheck.ts's. Changes nothing in the tree.
 */
import { spawn } from "node:child_process"
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, dirname, join, resolve } from "node:path"
import { breaksBetween, type Lock } from "../src/codegen/LockCheck.ts"
import { readArguments } from "./Arguments.ts"

/** What a gate says: one line, and what exactly is wrong, line by line. */
export interface Verdict {
  readonly gate: string
  readonly passed: boolean
  readonly line: string
  readonly details: ReadonlyArray<string>
}

type Gate = (root: string) => Promise<Verdict>

export const lint: Gate = async (root) => {
  const found = await buf(root, ["lint"])
  return verdict("lint", found, "the protos keep to the rules in buf.yaml", "lint findings")
}

export const format: Gate = async (root) => {
  const found = await buf(root, ["format", "-d", "--exit-code"])
  return verdict("format", found, "the protos are formatted", "the protos are not formatted: run `buf format -w`")
}

/** Against the newest release's image; FILE, so names in JSON are kept too. */
export const breaking: Gate = async (root) => {
  const version = await newestRelease(root)
  if (version === undefined) return passed("breaking", "no protocol is released yet, nothing can break")
  const found = await buf(root, ["breaking", "--against", join(released, `${version}.binpb`)])
  return verdict("breaking", found, `nothing of ${version} breaks`, `who speaks ${version} would break`)
}

/** What buf cannot see: topics, partitions, delivery, rates, limits. */
export const lock: Gate = async (root) => {
  const version = await newestRelease(root)
  if (version === undefined) return passed("lock", "no protocol is released yet, nothing is promised")
  const promised = await readLock(join(root, released, `${version}.lock.json`))
  if (promised === undefined) return refused("lock", `${released}/${version}.lock.json is missing`, [])
  const current = await readLock(join(root, "protocol.lock.json"))
  if (current === undefined) return refused("lock", "protocol.lock.json is missing: run `npm run gen`", [])
  const breaks = breaksBetween(promised, current)
  if (breaks.length === 0) return passed("lock", `what ${version} promised is kept`)
  return refused("lock", `what ${version} promised would break`, breaks)
}

/** Generates beside the tree and compares byte for byte; what lies in gen/ and is not generated is not fresh either. */
export const freshness: Gate = async (root) => {
  const fresh = await mkdtemp(join(tmpdir(), "noriter-gen-"))
  try {
    const boot = await buf(root, ["generate", "--template", "buf.gen.boot.yaml", "-o", fresh])
    const found = boot.code === 0 ? await buf(root, ["generate", "-o", fresh]) : boot
    if (found.code !== 0) return verdict("freshness", found, "", "generation fails")
    const stale = await differences(fresh, root)
    if (stale.length === 0) return passed("freshness", "what is generated is what is committed")
    return refused("freshness", "what is generated is not what the protos say: run `npm run gen`", stale)
  } finally {
    await rm(fresh, { recursive: true })
  }
}

export const gates: ReadonlyArray<Gate> = [lint, format, breaking, lock, freshness]

// --- Reading ---

/** Where each release has its image and its lock. */
const released = "proto/released"

/** The version of the newest release; undefined before the first. */
export async function newestRelease(root: string): Promise<string | undefined> {
  const names = await readdir(join(root, released)).catch(() => [])
  return names
    .flatMap((name) => /^(\d+\.\d+\.\d+)\.binpb$/.exec(name)?.[1] ?? [])
    .toSorted(compareVersions)
    .at(-1)
}

/** Negative, zero or positive. */
export const compareVersions = (a: string, b: string): number => a.localeCompare(b, "en", { numeric: true })

/** Writes image and lock of what stands, as a release of this version. */
export async function writeRelease(root: string, version: string): Promise<ReadonlyArray<string>> {
  const [image, promised] = [join(released, `${version}.binpb`), join(released, `${version}.lock.json`)]
  await mkdir(join(root, released), { recursive: true })
  const built = await buf(root, ["build", "--exclude-source-info", "-o", image])
  if (built.code !== 0) throw new Error(built.output)
  await copyFile(join(root, "protocol.lock.json"), join(root, promised))
  return [image, promised]
}

async function readLock(path: string): Promise<Lock | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined)
  return text === undefined ? undefined : JSON.parse(text)
}

async function differences(fresh: string, root: string): Promise<ReadonlyArray<string>> {
  const generated = await filesIn(fresh, "")
  const committed = [...(await filesIn(root, "gen")), ...(await filesIn(root, "sdk/typescript/src/gen"))]
  const differing = await Promise.all(
    generated.map(async (path) => {
      const [made, kept] = await Promise.all([
        readFile(join(fresh, path)),
        readFile(join(root, path)).catch(() => undefined)
      ])
      if (kept === undefined) return [`${path} is missing`]
      return made.equals(kept) ? [] : [`${path} differs`]
    })
  )
  const strays = committed.filter((path) => !generated.includes(path)).map((path) => `${path} is not generated`)
  return [...differing.flat(), ...strays]
}

async function filesIn(root: string, folder: string): Promise<ReadonlyArray<string>> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted()
}

// --- Running buf ---

interface Run {
  readonly code: number
  readonly output: string
}

const binaries = resolve(import.meta.dirname, "..", "node_modules", ".bin")

/** Plugins are started by name, so this Node and our own binaries come first. */
const environment = { ...process.env, PATH: [dirname(process.execPath), binaries, process.env.PATH].join(delimiter) }

function buf(root: string, args: ReadonlyArray<string>): Promise<Run> {
  return new Promise((done, failed) => {
    const child = spawn(join(binaries, "buf"), args, { cwd: root, env: environment })
    let output = ""
    const take = (chunk: Buffer): void => {
      output += chunk.toString()
    }
    child.stdout.on("data", take)
    child.stderr.on("data", take)
    child.on("error", failed)
    child.on("close", (code) => done({ code: code ?? 1, output }))
  })
}

// --- Verdicts ---

const passed = (gate: string, line: string): Verdict => ({ gate, passed: true, line, details: [] })

const refused = (gate: string, line: string, details: ReadonlyArray<string>): Verdict => ({
  gate,
  passed: false,
  line,
  details
})

function verdict(gate: string, run: Run, good: string, bad: string): Verdict {
  return run.code === 0 ? passed(gate, good) : refused(gate, bad, run.output.trimEnd().split("\n"))
}

function print(verdict: Verdict): void {
  const pretty = process.stdout.isTTY && !process.env.NO_COLOR
  const color = verdict.passed ? "\u001b[32m" : "\u001b[31m"
  const mark = verdict.passed ? "ok" : "refused"
  const head = pretty
    ? `${color}${verdict.passed ? "✓" : "✗"} ${verdict.gate.padEnd(10)}\u001b[0m`
    : `${mark} ${verdict.gate}:`
  process.stdout.write(`${head} ${verdict.line}\n${verdict.details.map((detail) => `  ${detail}\n`).join("")}`)
}

if (import.meta.main) {
  const { positionals } = readArguments(import.meta.filename, { allowPositionals: true })
  const root = resolve(positionals[0] ?? join(import.meta.dirname, ".."))
  for (const gate of gates) {
    const verdict = await gate(root)
    print(verdict)
    if (!verdict.passed) process.exitCode = 1
  }
}
