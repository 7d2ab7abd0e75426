/**
 * What ten of a thousand phones say to all, on one process: how much of it is heard in time, and what the quiet room of
 * 35 lines a second costs, beside Socket.IO and bare node:net in the same run.
 */
import { chat as chatOn, chatPhones, chatRamp, checkRows, quietOn } from "./harness/Chat.ts"
import { busyOf, contest, heardOf, ratioRow, rowsOf } from "./harness/Contest.ts"
import { net, noriter, socketio } from "./harness/System.ts"
import type { Bench } from "./Report.ts"

const socketioRatioMin = 40
const netRatioMin = 0.5
const quietRatioMax = 1.25

export const chat: Bench = {
  name: "chat",
  about: "a line said to 1,000 phones on one process, beside Socket.IO and bare net",
  isLong: true,
  run: async (_seconds, at, { phones, repetitions, profileTo }) => {
    const count = phones || chatPhones
    const ours = noriter({}, profileTo)
    const contenders = [ours, socketio, net()]
    const ramps = await contest(contenders, repetitions, (contender) => chatOn(contender, count, chatRamp, at))
    const best = new Map([...ramps].map(([name, runs]) => [name, runs.map(({ best }) => best)]))
    const quiet = await contest(contenders, repetitions, (contender) => quietOn(contender, count, at))
    const [own = [], bare = [], theirs = []] = [ours, net(), socketio].map(({ name }) => best.get(name))
    const [ownQuiet = [], bareQuiet = []] = [ours, net()].map(({ name }) => quiet.get(name))
    const checks = ramps.get(ours.name) ?? []
    return [
      ...rowsOf(best),
      ratioRow("Noriter / Socket.IO: heard", own, theirs, heardOf, { atLeast: socketioRatioMin }),
      ratioRow("Noriter / bare net: heard", own, bare, heardOf, { atLeast: netRatioMin }),
      ...rowsOf(new Map([...quiet].map(([name, steps]) => [`quiet room, ${name}`, steps]))),
      ratioRow("quiet room, Noriter / bare net: busy", ownQuiet, bareQuiet, busyOf, { target: quietRatioMax }),
      ...checkRows(checks)
    ]
  }
}
