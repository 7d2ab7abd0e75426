/** ZooKeeper passes what the memory twin of the roster passes; under a prefix, as worlds that share an ensemble do. */
import * as Effect from "effect/Effect"
import * as ZooKeeper from "../../src/link/ZooKeeper.ts"
import * as ZooKeeperRoster from "../../src/link/ZooKeeperRoster.ts"
import { withServices } from "../services/Services.ts"
import { ZooKeeperSessions } from "../services/ZooKeeperSessions.ts"
import { unique } from "./Eventually.ts"
import * as Roster from "./Roster.ts"

await withServices("ZooKeeper", ["zookeeper"], ({ zookeeper }) => {
  const prefix = `${unique("contract")}.`
  const sessions = new ZooKeeperSessions(zookeeper)
  const options = { servers: zookeeper, sessionMs: 2_000, prefix }
  Roster.suite("ZooKeeper", ZooKeeperRoster.layer(options, sessions.connect), {
    expire: ({ id }) =>
      Effect.gen(function* () {
        const operator = yield* ZooKeeper.connect(options)
        const { stat } = yield* operator.get(`/${prefix}noriter/runners/${id}`)
        const session = sessions.of(stat.owner)
        if (session === undefined) return yield* Effect.die(new Error(`${id} is in no session of ours`))
        yield* sessions.expire(session)
      }).pipe(Effect.scoped, Effect.orDie)
  })
})
