/**
 * The files of a page, as a browser gets them: all read once, at start, and kept, so that no path leads out of their
 * folder and nothing is read for a visitor. Owns their types, how long they may be kept, and what a page may do; what is
 * in them is the page's (web/).
 */
import { createHash } from "node:crypto"
import { readdir, readFile, stat } from "node:fs/promises"
import { extname, join, relative, sep } from "node:path"
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { Mounted, Visit } from "./HttpServer.ts"

/** The folder is there, and cannot be served. */
export class PageFailed extends Data.TaggedError("PageFailed")<{
  readonly folder: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `the page in ${this.folder} cannot be served: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

export interface Page extends Mounted {
  /** Whether there is one. */
  readonly isBuilt: boolean
}

/** More is no page: a folder was named by mistake. */
const filesMax = 500
const bytesMax = 32 * 1024 * 1024

/**
 * Reads what stands in a folder, to be found below a path. One that is not there is a page that is not built; where it
 * would be the start of all, it says so.
 */
export const load = (folder: string, below = ""): Effect.Effect<Page, PageFailed> =>
  Effect.map(
    Effect.tryPromise({ try: () => readAll(folder, below), catch: (cause) => new PageFailed({ folder, cause }) }),
    (files) => ({
      isBuilt: files.has(below || start),
      visit: (visit) => (below === "" || files.has(visit.path)) && serve(files, visit)
    })
  )

// --- internal ---

interface File {
  readonly body: Buffer
  /** Undefined where it is not worth it. */
  readonly gzipped: Buffer | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly etag: string
}

const start = "/"

/**
 * Nothing but what we serve ourselves: no third party, no inline script or style, no frame. Workers and pictures may be
 * made by the page itself.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

/** On all that is served here, also where nothing is. */
const guarded = {
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
} as const

const plain = "text/plain; charset=utf-8"
const binary = "application/octet-stream"
const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".webmanifest": "application/manifest+json; charset=utf-8",
  ".svg": "image/svg+xml; charset=utf-8",
  ".txt": plain,
  ".png": "image/png",
  ".webp": "image/webp",
  ".jpg": "image/jpeg",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".mp3": "audio/mpeg",
  ".ogg": "audio/ogg",
  ".wasm": "application/wasm"
}

/** The builder puts a hash of its content into a file's name: what has this name never changes. */
const named = /-[\w-]{8,}\.\w+$/
const forEver = "public, max-age=31536000, immutable"
/** Kept, and asked of each time whether it still is the same. */
const eachTime = "no-cache"

async function readAll(folder: string, below: string): Promise<ReadonlyMap<string, File>> {
  const files = new Map<string, File>()
  let bytes = 0
  for (const path of await filesIn(folder)) {
    bytes += (await stat(path)).size
    if (files.size >= filesMax || bytes > bytesMax) {
      throw new Error(`more than ${filesMax} files or ${bytesMax} bytes`)
    }
    const at = `/${relative(folder, path).split(sep).map(encodeURIComponent).join("/")}`
    files.set(at === "/index.html" ? below || start : `${below}${at}`, await fileOf(at, await readFile(path)))
  }
  return files
}

/** Plain files, not hidden ones; a link may lead anywhere, and is none. */
async function filesIn(folder: string): Promise<ReadonlyArray<string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause) => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return []
    throw cause
  })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (path) =>
        !relative(folder, path)
          .split(sep)
          .some((name) => name.startsWith("."))
    )
}

async function fileOf(at: string, body: Buffer): Promise<File> {
  const type = types[extname(at).toLowerCase()] ?? binary
  const small = /^(text|application|image\/svg)/.test(type) ? await promisify(gzip)(body, { level: 9 }) : body
  const isFixed = at.startsWith("/assets/") && named.test(at)
  return {
    body,
    gzipped: small.length < body.length * 0.9 ? small : undefined,
    etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
    headers: {
      ...guarded,
      "content-type": type,
      "cache-control": isFixed ? forEver : eachTime,
      vary: "accept-encoding"
    }
  }
}

/** The page at the start takes all that is left to read: it is mounted last. */
function serve(files: ReadonlyMap<string, File>, { request, response, path }: Visit): boolean {
  if (request.method !== "GET" && request.method !== "HEAD") return false
  request.resume()
  const file = files.get(path)
  if (file === undefined) {
    const why =
      path === start
        ? "the page is not built: `npx --no-install vite build web` does that; then start again"
        : "nothing is here"
    response.writeHead(404, { ...guarded, "content-type": plain, "cache-control": "no-store" }).end(`${why}\n`)
    return true
  }
  const gzipped = /\bgzip\b/.test(`${request.headers["accept-encoding"]}`) ? file.gzipped : undefined
  // The two bodies of a file are two things to keep.
  const etag = gzipped === undefined ? file.etag : file.etag.replace(/"$/, '-gz"')
  if (request.headers["if-none-match"]?.includes(etag)) {
    response.writeHead(304, { ...file.headers, etag }).end()
    return true
  }
  const body = gzipped ?? file.body
  const encoding = gzipped === undefined ? {} : { "content-encoding": "gzip" }
  response.writeHead(200, { ...file.headers, ...encoding, etag, "content-length": body.length })
  response.end(request.method === "HEAD" ? undefined : body)
  return true
}
