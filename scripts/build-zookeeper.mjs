/**
 * Builds the zookeeper addon for the Node that will run the server. npm runs this after installing.
 *
 * The package is built here, and not by its own install script, for four reasons:
 * - Flaws in it end a server of ours by SIGABRT, and hold it up: scripts/zookeeper.patch mends them, and says which.
 * - It carries no prebuilt addon for Linux, and an addon of its kind fits one major version of Node only.
 * - It must be built against the headers of the Node that runs this script. npm can be told by anybody's npmrc
 *   (`nodedir`) to use those of another Node; the build then passes and the addon does not load.
 * - Without a compiler an install should still give a server: embedded it needs no ZooKeeper. So a failure is a warning
 *   here, and a half-built addon is removed, so that nothing takes it for a whole one. A clustered start refuses, and
 *   says why.
 *
 * Plain JavaScript that Node 20 understands: where the Node of package.json is not installed, the machine's own runs it.
 */
import { spawnSync } from "node:child_process"
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { applyPatch, parsePatch, reversePatch } from "diff"

/** The one file that is mended, in the package's folder. */
const mended = "src/node-zk.cpp"
const [patch] = parsePatch(readFileSync(new URL("zookeeper.patch", import.meta.url), "utf8"))
const require = createRequire(import.meta.url)

/** The folder of the installed package; undefined when it is not there (`npm install --package-lock-only`). */
function findPackage() {
  try {
    return dirname(require.resolve("zookeeper/package.json"))
  } catch {
    return undefined
  }
}

/** Tried in a process of its own: an addon that does not fit may end the process that loads it. */
function loads(folder) {
  const code = `require(${JSON.stringify(folder)})`
  return spawnSync(process.execPath, ["-e", code], { stdio: "ignore" }).status === 0
}

/**
 * Mends the source by the patch, unless it is mended already; whether it is mended now. What was built of another goes
 * first: one that loads is not built again.
 */
function mend(folder) {
  if (isMended(folder)) return true
  rmSync(join(folder, "build"), { recursive: true, force: true })
  const file = join(folder, mended)
  const source = applyPatch(readFileSync(file, "utf8"), patch)
  if (source !== false) writeFileSync(file, source)
  return source !== false
}

/** Whether the source is what the patch makes of it. What is built is built of that, see `mend`. */
function isMended(folder) {
  return applyPatch(readFileSync(join(folder, mended), "utf8"), reversePatch(patch)) !== false
}

/** Where this Node keeps its own headers; undefined when it came without, and node-gyp has to fetch them. */
function findHeaders() {
  const root = dirname(dirname(realpathSync(process.execPath)))
  const major = process.versions.node.split(".")[0]
  const version = join(root, "include/node/node_version.h")
  if (!existsSync(version)) return undefined
  return new RegExp(`NODE_MAJOR_VERSION ${major}\\b`).test(readFileSync(version, "utf8")) ? root : undefined
}

/** The environment of the build, with nobody else's `nodedir` in it: npm spells it in more than one way. */
function buildEnvironment(headers) {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^npm_(config|package_config)_.*nodedir$/i.test(name)
  )
  return { ...Object.fromEntries(inherited), ...(headers && { npm_config_nodedir: headers }), JOBS: "2" }
}

/** Mends the source, and runs the two steps of the package's own install script; says which one failed. */
function build(folder, env) {
  // Mended by the patch of before, say.
  if (!mend(folder)) return "its source is not as it was published (`npm ci` brings it anew)"
  const steps = [
    ["unpacking the C client", "scripts/prepublish.js"],
    ["compiling", require.resolve("node-gyp-build/bin.js", { paths: [folder] })]
  ]
  for (const [step, script] of steps) {
    const { status } = spawnSync(process.execPath, [script], { cwd: folder, env, stdio: "inherit" })
    if (status !== 0) return `${step} failed`
  }
  return loads(folder) ? undefined : `the addon was built, but does not load under Node ${process.version}`
}

function main() {
  if (process.env.npm_lifecycle_event === undefined) {
    console.error("zookeeper: run this as `npm run postinstall`: npm brings node-gyp and the Node of package.json")
    process.exitCode = 1
    return
  }
  const folder = findPackage()
  if (folder === undefined) return console.log("zookeeper: not installed, nothing to build")
  if (isMended(folder) && loads(folder))
    return console.log(`zookeeper: loads under Node ${process.version}, nothing to build`)
  const headers = findHeaders()
  const failed = build(folder, buildEnvironment(headers))
  if (failed === undefined) return console.log(`zookeeper: built for Node ${process.version}`)
  rmSync(join(folder, "build"), { recursive: true, force: true })
  console.warn(`zookeeper: WARNING: ${failed}. The embedded server works; a clustered one will refuse to start.`)
  console.warn("zookeeper: it needs a C compiler, make and python3; with them there, run `npm run postinstall`.")
}

main()
