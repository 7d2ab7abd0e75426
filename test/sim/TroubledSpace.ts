/**
 * SharedSpace as one actor of a simulation has it: another layer of it with Trouble in between, so that every commit may
 * come late, not at all, or have happened without a word of it.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type CommitRefused, SharedSpace, SpaceError } from "../../src/space/SharedSpace.ts"
import type { Actor } from "./Trouble.ts"
import { readyOf } from "./TroubledLinks.ts"

export const sharedSpace =
  (actor: Actor) =>
  <E, R>(layer: Layer.Layer<SharedSpace, E, R>): Layer.Layer<SharedSpace, E, R> =>
    Layer.effect(
      SharedSpace,
      Effect.map(SharedSpace, (space) => troubled(space, actor))
    ).pipe(Layer.provide(layer))

function troubled(space: SharedSpace["Service"], actor: Actor): SharedSpace["Service"] {
  const call = <A, E extends CommitRefused | SpaceError>(operation: string, effect: Effect.Effect<A, E>) =>
    actor.call<A, E | SpaceError, never>("space", effect, (_certain, cause) => new SpaceError({ operation, cause }))
  return SharedSpace.of({
    read: (request) => call("read", space.read(request)),
    commit: (commit) => call("commit", space.commit(commit)),
    writePositions: (positions) => call("writePositions", space.writePositions(positions)),
    snapshot: (tag, prefix, stream) => call("snapshot", space.snapshot(tag, prefix, stream)),
    history: (tag, stream, after, limit) => call("history", space.history(tag, stream, after, limit)),
    heads: (tags) => call("heads", space.heads(tags)),
    due: (tags, nowMs, limit) => call("due", space.due(tags, nowMs, limit)),
    factsSent: (tag, offset) => call("factsSent", space.factsSent(tag, offset)),
    marker: call("marker", space.marker),
    writeMarker: (generation, instead) => call("writeMarker", space.writeMarker(generation, instead)),
    onReady: (resync) => readyOf(actor, "space", space.onReady, resync)
  })
}
