/** The fault matrix: every row that can be run, in its order. */
import type { Row } from "../Scene.ts"
import { kafka } from "./Kafka.ts"
import { mix } from "./Mix.ts"
import { networks } from "./Networks.ts"
import { phones } from "./Phones.ts"
import { redis } from "./Redis.ts"
import { runners } from "./Runners.ts"
import { stalls } from "./Stalls.ts"
import { zookeeper } from "./ZooKeeper.ts"

export const rows: ReadonlyArray<Row> = [
  ...[...runners, ...stalls, ...redis, ...kafka, ...zookeeper, ...networks, ...phones, mix]
].toSorted((one, other) => (one.id < other.id ? -1 : 1))
