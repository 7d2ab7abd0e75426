/**
 * What is said to 1,000 phones on two runners over real Redis, Kafka and ZooKeeper, kept by Kafka before it is answered,
 * beside Socket.IO with two nodes on a Redis, which keeps nothing, and Centrifugo likewise where it is on PATH. All servers
 * share one core; the load client has the other.
 */
import { chat, chatPhones, chatRamp, checkRows } from "./harness/Chat.ts"
import { contest, heardOf, ratioRow, rowsOf } from "./harness/Contest.ts"
import { installedClusters } from "./harness/Installed.ts"
import { noriterCluster, socketioRedis } from "./harness/System.ts"
import type { Bench } from "./Report.ts"

const ratioMin = 5
/** Five processes compile what they run all the time on one core; the others are given as long. */
const warmUpSeconds = 20

export const cluster: Bench = {
  name: "cluster",
  about: "a line said to 1,000 phones on two runners, durable, beside Socket.IO with Redis",
  isLong: true,
  run: async (_seconds, at, { phones, repetitions, profileTo }) => {
    const ours = noriterCluster(2, profileTo)
    const runs = await contest([ours, socketioRedis, ...installedClusters], repetitions, (contender) =>
      chat(contender, phones || chatPhones, chatRamp, at, warmUpSeconds)
    )
    const best = new Map([...runs].map(([name, all]) => [name, all.map(({ best }) => best)]))
    const [own = [], theirs = []] = [best.get(ours.name), best.get(socketioRedis.name)]
    const checks = runs.get(ours.name) ?? []
    return [
      ...rowsOf(best),
      ratioRow("Noriter / Socket.IO: heard", own, theirs, heardOf, { atLeast: ratioMin }),
      ...checkRows(checks)
    ]
  }
}
