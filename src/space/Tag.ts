/**
 * Names within the shared space that Redis and its memory twin must agree on: what a tag may be called, which tags are
 * channels, and where a member stands. What is kept under a name is decided above.
 */
import type { Tag } from "./SharedSpace.ts"

const lawful = /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)?$/
const channel = /^[a-z0-9_-]+\/[1-9][0-9]*$/

/** Bytes of a tag's name: a guest id and an incarnation's have at most 40. */
const tagBytesMax = 128

/** Whether the name can stand between braces: it holds none, so nothing written under it leaves the tag (rule C1). */
export const isTag = (name: string): name is Tag => name.length <= tagBytesMax && lawful.test(name)

/** Whether a tag is a channel (`park/1`): its outcomes are kept until the session ends (rule L6). */
export const isChannel = (tag: Tag): boolean => channel.test(tag)

/**
 * Whether a tag is rebuilt from facts when the space was emptied (rule L13): a guest's is. Channels are not, and what an
 * incarnation keeps is of no use to the next one.
 */
export const isLasting = (tag: Tag): boolean => !isChannel(tag) && !tag.startsWith(incarnationPrefix)

const incarnationPrefix = "inc/"

/** The key a member of a channel is kept under; by it a position finds its member (rule P10). */
export const memberKey = (member: number): string => `${memberPrefix}${member}`

/** The number of the member that is kept under such a key. */
export const memberNumber = (key: string): number => Number(key.slice(memberPrefix.length))

export const memberPrefix = "member/"
