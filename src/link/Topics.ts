/**
 * Which topics there are and in which of its partitions a tag lies, for the log and its memory twin alike (rule L1).
 * What the topics carry is said in the proto; creating them is the log's.
 */
import { type Topic, topics } from "../../gen/registry.ts"

/** Topics of what is asked of a tag and decided when it is read; the others hold what was decided. */
export const askedTopics: ReadonlyArray<string> = topics
  .map(({ name }) => name)
  .filter((name) => name.endsWith(".asked"))

/** Where the records of a topic go that nobody can decide (rule L8). */
export const deadTopicOf = (topic: string): string => `${topic}.dead`

/** The topics of the proto and, beside each, one partition of its dead letters. */
export const allTopics: ReadonlyArray<Topic> = topics.flatMap((topic) => [
  topic,
  { ...topic, name: deadTopicOf(topic.name), partitions: 1 }
])

/** FNV-1a over UTF-16, then murmur3's last mix, so that names that differ in a digit part. Never to be changed (L1). */
export function partitionFor(partitionBy: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < partitionBy.length; at++) hash = Math.imul(hash ^ partitionBy.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) % partitions
}
