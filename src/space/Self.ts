/**
 * Which incarnation this process is now, and the generation it writes in. Both may change while it runs: a place in the
 * roster expires (rule P9), the shared space is emptied (rules L12, E2). Who or what it holds then is put back by whoever
 * listens to `onChange`; how it comes to be another is Lives'. It decides nobody's death: that is the watcher's.
 *
 * **Gotchas**: `incarnation` and `generation` are what they are when they are read. Keep no copy across something that
 * takes time, unless what you do belongs to that incarnation.
 */

import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Generation, Incarnation } from "../link/Roster.ts"
import { begin, type Heal, type Life, type Unsettling } from "./Lives.ts"
import type { SpaceError } from "./SharedSpace.ts"

export class Self extends Context.Service<
  Self,
  {
    readonly incarnation: Incarnation
    readonly generation: Generation
    /** Why phones should go elsewhere just now; empty: nothing is wrong with it. */
    readonly troubles: () => ReadonlyArray<string>
    /**
     * How long runners may still be putting back what they hold, after the space was emptied or rewound: who is missing
     * until then may yet come, and numbers that seem to be free are not. 0: everything is as it says.
     */
    readonly unsettledMs: () => number
    /** Whether it was out of touch with the space so long that what ended there meanwhile is as if it had never been
     * (`idleKeptMs`), and has not looked at all it holds since. */
    readonly wasSilent: () => boolean
    /** Whether the space is of our generation still, so that a tag that is missing may be founded (rule L12). */
    readonly isCurrent: Effect.Effect<boolean, SpaceError>
    /** Whether an incarnation is in the roster. */
    readonly lifeOf: (incarnation: string) => Effect.Effect<Life>
    /** Whether an incarnation is in the roster for certain: what it has claimed nobody claims back (rule P4). */
    readonly isPlaced: (incarnation: string) => Effect.Effect<boolean>
    /** Has the space looked at, and what this runner holds put back, at once: something was not heard for a while, or
     * says that the space has gone back (rule L11). */
    readonly look: (because?: Unsettling) => void
    /** A write of this incarnation was refused for a fence: it counts as dead, and this runner becomes another (P9). */
    readonly fenced: (incarnation: string) => void
    /** Whether it is fenced and no other yet: nothing it holds is its to write before it is put back. */
    readonly isFenced: () => boolean
    /** Runs `heal` after every change and every look, and again until it succeeds; `fenced` as soon as it is known, long
     * before there is another place. One listener, until the scope closes. */
    readonly onChange: (heal: Heal, fenced?: () => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("noriter/space/Self") {
  /** `runner` is the runner's id, the same in every life of it. */
  static readonly layer = (runner: string) => Layer.effect(Self, begin(runner))
}
