/**
 * Servers that come as jars: fetched once by Maven into a cache of the user's, then only read. Owns where they lie, and
 * how a JVM is started so that it is up soon and stays small.
 */
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises"
import { homedir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { Missing, need } from "./Tools.ts"

const run = promisify(execFile)

/** A thing on Maven Central, and what it would bring along that we do not want. */
export interface Artifact {
  readonly group: string
  readonly artifact: string
  readonly version: string
  readonly without?: ReadonlyArray<string>
}

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "noriter")

/** The class path of these jars; they are fetched if this is the first time. */
export async function classPath(name: string, artifacts: ReadonlyArray<Artifact>): Promise<string> {
  await need({ command: "java", debian: "default-jre-headless" })
  const folder = join(cache, name)
  if (!existsSync(folder)) {
    await need({ command: "mvn", debian: "maven" })
    await fetch(folder, artifacts)
  }
  return join(folder, "*")
}

/** Into a folder beside it, renamed when complete: two who fetch at once do not meet, and half of it is never found. */
async function fetch(folder: string, artifacts: ReadonlyArray<Artifact>): Promise<void> {
  await mkdir(cache, { recursive: true })
  const work = await mkdtemp(`${folder}-`)
  const jars = join(work, "jars")
  try {
    await writeFile(join(work, "pom.xml"), pom(artifacts))
    const copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${jars}`]
    await run("mvn", ["-q", "-B", "-ntp", ...copy], { cwd: work }).catch((cause: unknown) => {
      throw new Missing(`Maven could not fetch ${artifacts.map(({ artifact }) => artifact).join(", ")}`, { cause })
    })
    await rename(jars, folder).catch((cause: unknown) => {
      if (!existsSync(folder)) throw cause // somebody else was faster
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

const pom = (artifacts: ReadonlyArray<Artifact>): string =>
  `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
  <groupId>noriter</groupId><artifactId>services</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>${artifacts.map(dependency).join("")}</dependencies></project>`

const dependency = ({ group, artifact, version, without = [] }: Artifact): string => {
  const exclusions = without.map((id) => `<exclusion><groupId>${id}</groupId><artifactId>*</artifactId></exclusion>`)
  return `
    <dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>
      <exclusions>${exclusions.join("")}</exclusions></dependency>`
}

/** The arguments of `java`: one thread for garbage and the quick compiler, since a test's server lives for seconds. */
export const java = (heapMb: number, classes: string, main: string, ...rest: ReadonlyArray<string>) => [
  `-Xmx${heapMb}m`,
  "-XX:+UseSerialGC",
  "-XX:TieredStopAtLevel=1",
  "-XX:-UsePerfData",
  "-Djava.awt.headless=true",
  "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
  "-Dzookeeper.forceSync=no",
  ...["-cp", classes, main],
  ...rest
]
