/** The fault matrix: every row that can be run, in its order. */
import type { Row } from "../Scene.ts"
import { kafka } from "./Kafka.ts"
import { phones } from "./Phones.ts"
import { redis } from "./Redis.ts"
import { runners } from "./Runners.ts"
import { zookeeper } from "./ZooKeeper.ts"

export const rows: ReadonlyArray<Row> = [...runners, ...redis, ...kafka, ...zookeeper, ...phones].toSorted(
  (one, other) => (one.id < other.id ? -1 : 1)
)
