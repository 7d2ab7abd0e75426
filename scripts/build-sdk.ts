/**
 * `npm run build:sdk [folder]`: the TypeScript SDK as it is published, into dist/ of its folder or of another. Everything
 * but the testing entry is only stripped of its types; that one takes the server with it in one file, so that client teams
 * need not install it.
 */
import { spawn } from "node:child_process"
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { delimiter, dirname, join, resolve } from "node:path"
import { rolldown } from "rolldown"
import { isolatedDeclaration } from "rolldown/experimental"
import { readArguments } from "./Arguments.ts"

const root = resolve(import.meta.dirname, "..")
const sdk = join(root, "sdk", "typescript")
const testing = join(sdk, "src", "Testing.ts")

export async function buildSdk(folder: string): Promise<void> {
  const dist = join(folder, "dist")
  await rm(dist, { recursive: true, force: true })
  await mkdir(dist, { recursive: true })
  await compile(dist)
  await pointToJavaScript(dist)
  await bundleTesting(dist)
}

/** Types are stripped and written beside. */
async function compile(dist: string): Promise<void> {
  const binaries = join(root, "node_modules", ".bin")
  const PATH = [dirname(process.execPath), binaries, process.env.PATH].join(delimiter)
  const args = ["-p", sdk, "--outDir", dist, "--pretty", "false"]
  const child = spawn(join(binaries, "tsc"), args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, PATH }
  })
  const code = await new Promise((done) => child.on("close", done))
  if (code !== 0) throw new Error(`tsc ended with ${code}`)
}

/** The compiler rewrites `./A.ts` to `./A.js` in JavaScript, and leaves it in declarations. */
async function pointToJavaScript(dist: string): Promise<void> {
  const names = await readdir(dist, { recursive: true })
  for (const name of names.filter((name) => name.endsWith(".d.ts"))) {
    const text = await readFile(join(dist, name), "utf8")
    await writeFile(join(dist, name), text.replace(/(from ")(\.[^"]+)\.ts"/g, '$1$2.js"'))
  }
}

async function bundleTesting(dist: string): Promise<void> {
  // What a runner over many processes needs is reached only by layers that nobody here builds.
  const treeshake = { moduleSideEffects: false, manualPureFunctions: ["Layer", "Effect"] }
  const bundle = await rolldown({ input: testing, platform: "node", treeshake })
  const { output } = await bundle.write({ dir: dist, format: "esm", codeSplitting: false })
  await bundle.close()
  const modules = output.flatMap((file) => (file.type === "chunk" ? file.moduleIds : []))
  await writeFile(join(dist, "Testing.LICENSES.txt"), await licencesOf(modules))
  const { code, errors } = await isolatedDeclaration(testing, await readFile(testing, "utf8"))
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join("\n"))
  await writeFile(join(dist, "Testing.d.ts"), code)
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license: string
}

/** What is bundled is others' work, too: their terms go with it. */
async function licencesOf(modules: ReadonlyArray<string>): Promise<string> {
  const packages = new Set(modules.flatMap((id) => /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(id)?.[0] ?? []))
  const texts = [...packages].toSorted().map(async (folder) => {
    const { name, version, license }: Manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8"))
    const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each))
    return `${name} ${version}, ${license}\n\n${file === undefined ? "" : await readFile(join(folder, file), "utf8")}`
  })
  return (await Promise.all(texts)).join("\n\n")
}

if (import.meta.main) {
  const { positionals } = readArguments(import.meta.filename, { allowPositionals: true })
  await buildSdk(resolve(positionals[0] ?? sdk))
}
