/** Every bound and every time of a conversation, in one place for the other SDKs to follow. */

/** Most requests that may wait for their answers: the server reads no more of one phone's, either. */
export const pendingMax = 32
/** Fleeting messages are not added to what the network does not take. */
export const unsentBytesMax = 65_536
/** An answer that is uncertain is asked for again so often. */
export const uncertainMax = 5
export const backoffMsMin = 250
export const backoffMsMax = 10_000
/** A session that lasted so long was no failure. */
export const steadyMs = 5000
/** A server that does not let connect, or does not greet, for so long is tried anew. */
export const answerMsMax = 10_000
/** After a change of network the server must be heard within this. */
export const probeMsMax = 3000
/** The server speaks once a heartbeat at least. */
export const silentHeartbeatsMax = 2
/**
 * After so many heartbeats in silence the phone says something. The server waits for three (wire.md) and speaks once in each
 * by itself, so there is nothing to learn from asking more often, and a radio that is left asleep saves its battery.
 */
export const quietHeartbeats = 1.6
export const heartbeatMsDefault = 15_000
export const lineBytesDefault = 8192
/** An id, a key and what is around them. */
export const envelopeBytesMax = 64
