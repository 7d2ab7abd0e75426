/**
 * Joins the server into one file, for a whole test run: most of what a start takes is finding and reading five hundred
 * modules, and such a run starts hundreds of processes. What is shipped are the files as they are, and so do tests that are
 * run by themselves, bin/noriter's, and campaigns.
 */
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { type Plugin, rolldown } from "rolldown"

const root = join(import.meta.dirname, "..")

/** Found by Node where they lie: CommonJS, and an addon. */
const external = /^(ioredis|kafkajs|ws|zookeeper)(\/|$)/

/** What a module finds beside itself it still finds. */
const whereItWas: Plugin = {
  name: "where it was",
  transform: (code, path) =>
    code.includes("import.meta.url")
      ? { code: code.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href)) }
      : undefined
}

/** Gives the path of the file to be run. */
export async function bundle(): Promise<string> {
  const dir = join(root, ".cache/bundle")
  const input = join(root, "src/main.ts")
  const built = await rolldown({ input, platform: "node", external, plugins: [whereItWas], logLevel: "warn" })
  await built.write({ dir, cleanDir: true, entryFileNames: "main.js" })
  return join(dir, "main.js")
}
