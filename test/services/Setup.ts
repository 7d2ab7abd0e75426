/**
 * Runs once around all test files (vitest's globalSetup): names the folder where this run's services live, and stops at
 * the end what tests have started there. Nothing is started here: a run that needs no servers has none.
 */
import { readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import type { TestProject } from "vitest/node"
import { ServiceSet } from "../../scripts/services/ServiceSet.ts"

declare module "vitest" {
  interface ProvidedContext {
    readonly servicesFolder: string
  }
}

const root = join(import.meta.dirname, "../../.services")
const prefix = "test-"

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await sweep()
  const folder = join(root, `${prefix}${process.pid}`)
  project.provide("servicesFolder", folder)
  return () => remove(folder)
}

/** A run that was killed could not stop its own. */
async function sweep(): Promise<void> {
  const names = await readdir(root).catch(() => [])
  const left = names.filter((name) => name.startsWith(prefix) && !isAlive(Number(name.slice(prefix.length))))
  await Promise.all(left.map((name) => remove(join(root, name))))
}

/** With the sets that tests had for themselves, one folder further down. */
async function remove(folder: string): Promise<void> {
  const own = (await readdir(folder).catch(() => [])).filter((name) => name.startsWith("own-"))
  await Promise.all([folder, ...own.map((name) => join(folder, name))].map((set) => new ServiceSet(set).stopAll()))
  await rm(folder, { recursive: true, force: true })
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
