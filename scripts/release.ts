/**
 * `npm run release [root]`: keeps what package.json's version promises, as image and lock under proto/released/, which
 * `npm run check:protocol` compares with from then on. Refused where a gate refuses, where the version is not above the
 * newest, or where the changelog does not speak of it. Commits and tags nothing: docs/releasing.md says what is left.
 */
import { readFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { readArguments } from "./Arguments.ts"
import { compareVersions, gates, newestRelease, writeRelease } from "./check-protocol.ts"

/** Why this version cannot be released; empty: it can. */
async function reasons(root: string, version: string): Promise<ReadonlyArray<string>> {
  if (!/^\d+\.\d+\.\d+$/.test(version)) return [`${version} is not a version like 1.2.3`]
  const newest = await newestRelease(root)
  const isAbove = newest === undefined || compareVersions(version, newest) > 0
  const changelog = await readFile(join(root, "CHANGELOG.md"), "utf8")
  const said = [
    ...(isAbove ? [] : [`${version} is not above ${newest}: npm version <version> --no-git-tag-version`]),
    ...(changelog.includes(`\n## [${version}] - `) ? [] : [`CHANGELOG.md has no "## [${version}] - <date>"`])
  ]
  if (said.length > 0) return said
  const verdicts = await Promise.all(gates.map((gate) => gate(root)))
  return verdicts.filter(({ passed }) => !passed).map(({ gate, line }) => `${gate}: ${line}`)
}

const { positionals } = readArguments(import.meta.filename, { allowPositionals: true })
const root = resolve(positionals[0] ?? join(import.meta.dirname, ".."))
const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"))
const refused = await reasons(root, String(version))
if (refused.length > 0) {
  for (const reason of refused) console.error(`refused: ${reason}`)
  process.exitCode = 1
} else {
  for (const path of await writeRelease(root, String(version))) console.log(`wrote ${path}`)
  console.log(`left to do: commit it, and git tag -a v${version} -m "Noriter ${version}"`)
}
