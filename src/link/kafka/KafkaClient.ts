/**
 * What noriter needs of a Kafka client, and nothing else: so that another client could take the place of kafkajs
 * (KafkaJs.ts). Topic and group names here are those of the broker. Promises, because that is what clients speak; whoever
 * calls sets the deadlines.
 */

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** How far a group has come in a partition, and how far back of that whoever is assigned it next begins (rule L11). */
export interface Committed {
  readonly offset: number
  readonly from: number
}

/** A record on its way to the broker. */
export interface Outgoing {
  readonly partition: number
  readonly key: string
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

/** Where the records of one partition lie, in the order sent, and when the broker appended them. */
export interface Appended {
  readonly partition: number
  readonly baseOffset: number
  readonly timeMs: number
}

export interface Producer {
  /** One request, tried once. When it rejects, nothing is known of the records. */
  readonly send: (topic: string, records: ReadonlyArray<Outgoing>) => Promise<ReadonlyArray<Appended>>
  /** Lets go of the connection, in its own time. */
  readonly close: () => void
}

/** A record as it came from the broker. */
export interface Incoming {
  readonly offset: number
  readonly timeMs: number
  readonly key: string
  readonly value: Uint8Array
  readonly header: (name: string) => string | undefined
}

/** What a consumer tells, never from within one of its own calls. What is answered is nobody's. */
export interface ConsumerEvents {
  /** These partitions, and no others, are its own now. None of them is read before it is resumed. */
  readonly assigned: (partitions: ReadonlyArray<TopicPartition>) => unknown
  /** Nothing is its own until it is assigned anew. */
  readonly revoked: () => unknown
  readonly received: (at: TopicPartition, records: ReadonlyArray<Incoming>) => unknown
  /** It has ended by itself: close it and make another. */
  readonly failed: (cause: unknown) => unknown
}

/** A member of a group. It sends heartbeats by itself, whatever becomes of the records. */
export interface Consumer {
  /** Joins the group, and ends when it has. */
  readonly start: () => Promise<void>
  /** What it receives next of this partition begins here. */
  readonly seek: (at: TopicPartition, offset: number) => void
  readonly pause: (at: TopicPartition) => void
  readonly resume: (partitions: ReadonlyArray<TopicPartition>) => void
  readonly commit: (offsets: ReadonlyArray<TopicPartition & Committed>) => Promise<void>
  /** Leaves the group, so that others take over at once. */
  readonly close: () => Promise<void>
}

/** A topic as it should be, or as the broker has it. */
export interface TopicShape {
  readonly name: string
  readonly partitions: number
  readonly settings: Readonly<Record<string, string>>
}

export interface Admin {
  /** Creates those that are not there; the others stay as they are. */
  readonly create: (topics: ReadonlyArray<TopicShape>) => Promise<void>
  /** Partitions and these settings of topics that are there. */
  readonly describe: (
    topics: ReadonlyArray<string>,
    settings: ReadonlyArray<string>
  ) => Promise<ReadonlyArray<TopicShape>>
  readonly hasMembers: (group: string) => Promise<boolean>
  /** By partition: the first offset of this time or later, or the end. */
  readonly offsetsAt: (topic: string, ms: number) => Promise<ReadonlyMap<number, number>>
  /** By partition: how far the group has come. What it never committed is left out. */
  readonly committed: (group: string, topic: string) => Promise<ReadonlyMap<number, Committed>>
  readonly close: () => Promise<void>
}

export interface KafkaClient {
  readonly producer: () => Promise<Producer>
  /** Begins at the earliest record where the group has committed nothing. */
  readonly consumer: (group: string, topics: ReadonlyArray<string>, events: ConsumerEvents) => Consumer
  readonly admin: () => Promise<Admin>
}

/** Rejects when it has not settled in time; what it does then is ignored. */
export const within = async <A>(ms: number, what: string, promise: Promise<A>): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
