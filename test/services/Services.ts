/**
 * Real servers for tests. Those of `withServices` are shared by all files of a run and started by the first that asks;
 * a test that stops, kills or freezes one has its own (`ownServices`). Where they cannot be had the tests are skipped, by
 * name and count; with CI=true they fail, since there a skipped test is one that nobody sees.
 */

import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { join } from "node:path"
import { beforeAll, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { inject } from "vitest"
import { type ServiceName, ServiceSet } from "../../scripts/services/ServiceSet.ts"
import { Missing } from "../../scripts/services/Tools.ts"

export type Urls<Name extends ServiceName> = Readonly<Record<Name, string>>

/** Describes tests that need these services; awaited at the top of a test file. */
export async function withServices<Name extends ServiceName>(
  title: string,
  names: ReadonlyArray<Name>,
  tests: (urls: Urls<Name>) => void
): Promise<void> {
  const started = await start(new ServiceSet(inject("servicesFolder")), names).catch((error: unknown) => {
    if (error instanceof Missing) return error
    throw error
  })
  if (!(started instanceof Missing)) return void describe(title, () => tests(started))
  // Registered all the same, so that they are counted; none of them runs.
  const nowhere = urlsOf(names, () => "nowhere")
  if (process.env.CI !== "true") return void describe.skip(`${title} (${started.message})`, () => tests(nowhere))
  describe(title, () => {
    beforeAll(() => Promise.reject(started))
    tests(nowhere)
  })
}

/** A set that nobody else uses, until the scope closes. */
export const ownServices = <Name extends ServiceName>(
  ...names: ReadonlyArray<Name>
): Effect.Effect<{ readonly urls: Urls<Name>; readonly set: ServiceSet }, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      await mkdir(inject("servicesFolder"), { recursive: true })
      const folder = await mkdtemp(join(inject("servicesFolder"), "own-"))
      return { folder, set: new ServiceSet(folder) }
    }),
    ({ folder, set }) =>
      Effect.promise(async () => {
        await set.stopAll()
        await rm(folder, { recursive: true, force: true })
      })
  ).pipe(Effect.flatMap(({ set }) => Effect.promise(async () => ({ set, urls: await start(set, names) }))))

/** A server that nobody else uses and that can stand still; thawed when the scope closes, so that it can be stopped. */
export const freezable = Effect.fnUntraced(function* (name: ServiceName) {
  const { urls, set } = yield* ownServices(name)
  const pid = yield* Effect.promise(() => set.pid(name))
  if (pid === undefined) return yield* Effect.die("no process")
  const thaw = Effect.sync(() => void process.kill(pid, "SIGCONT"))
  yield* Effect.addFinalizer(() => thaw)
  return { url: urls[name], freeze: Effect.sync(() => void process.kill(pid, "SIGSTOP")), thaw }
})

async function start<Name extends ServiceName>(set: ServiceSet, names: ReadonlyArray<Name>): Promise<Urls<Name>> {
  const urls = new Map(await Promise.all(names.map(async (name) => [name, await set.start(name)] as const)))
  return urlsOf(names, (name) => urls.get(name) ?? "")
}

function urlsOf<Name extends ServiceName>(names: ReadonlyArray<Name>, urlOf: (name: Name) => string): Urls<Name> {
  return Object.fromEntries(names.map((name) => [name, urlOf(name)])) as Urls<Name>
}
