/**
 * Noriter and its peers side by side in one run: what ten of a thousand phones say to all, and five hundred phones that
 * walk among their neighbours. Peers come from npm (bench/peers) and are installed when first measured.
 */
import { chat, chatPhones, chatRamp } from "./harness/Chat.ts"
import { contest, rowsOf } from "./harness/Contest.ts"
import { colyseus, net, noriter, socketio, ws } from "./harness/System.ts"
import { noriterFor, type Walk, walkOn } from "./harness/Walk.ts"
import type { Bench } from "./Report.ts"

const tickMs = 100
const p99Max = 200

export const peers: Bench = {
  name: "peers",
  about: "Noriter, Socket.IO, Colyseus, ws and bare net under the same loads",
  isLong: true,
  run: async (_seconds, at, { phones, repetitions, profileTo }) => {
    const speaking = [noriter({}, profileTo), socketio, colyseus(), ws, net()]
    const said = await contest(
      speaking,
      repetitions,
      async (contender) => (await chat(contender, phones || chatPhones, chatRamp, at)).best
    )
    const walk: Walk = { phones: phones || 500, inView: 46, movesPerSecond: 5, goesFar: false, p99Max }
    // Colyseus tells everybody of everybody: the load client would wait for what it is not asked to tell.
    const walking = [noriterFor(walk, profileTo), socketio, ws, net(tickMs)]
    const walked = await contest(walking, repetitions, async (contender) => (await walkOn(contender, walk, at)).step)
    const named = <A>(what: string, outcomes: ReadonlyMap<string, A>) =>
      new Map([...outcomes].map(([name, all]) => [`${what}, ${name}`, all]))
    return [...rowsOf(named("chat", said)), ...rowsOf(named("moves", walked))]
  }
}
