/**
 * Builds the page when what it is made of has changed since it was built last, which takes seconds; else it does nothing,
 * in an instant. Run before `npm start` and `npm test`. Where nothing to build with is installed, the page that was built
 * last is served, or none.
 */
import { createHash } from "node:crypto"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

const root = dirname(import.meta.dirname)
const markPath = join(root, "web/dist/.made-of")
const sources = [
  "web/index.html",
  "web/vite.config.ts",
  "web/src",
  "web/public",
  "sdk/typescript/src",
  "package-lock.json"
]

function filesOf(path: string): ReadonlyArray<string> {
  if (/\.\w+$/.test(path)) return [path]
  return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort()
}

function hashOf(paths: ReadonlyArray<string>): string {
  const hash = createHash("sha256")
  for (const path of paths.flatMap(filesOf))
    hash
      .update(path)
      .update("\0")
      .update(readFileSync(join(root, path)))
  return hash.digest("hex")
}

function readMark(): string {
  try {
    return readFileSync(markPath, "utf8")
  } catch {
    return ""
  }
}

/** Vite is a tool of developers: where only what runs the server is installed, it is not there. */
const installed = async () => {
  try {
    return await import("vite")
  } catch {
    return undefined
  }
}

const madeOf = hashOf(sources)
if (readMark() !== madeOf) {
  const begun = performance.now()
  const vite = await installed()
  if (vite === undefined) console.log("the page is not built anew: vite is not installed")
  else {
    await vite.build({ root: join(root, "web"), logLevel: "warn" })
    writeFileSync(markPath, madeOf)
    console.log(`page built in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
  }
}
