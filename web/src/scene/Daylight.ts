/** What the light is like at an hour of the day: the colour laid over the park, and how much lamps shine. Owns no clock. */

export interface Light {
  readonly colour: number
  /** 0 by day, 1 at night. */
  readonly lamps: number
}

/** From the hour on, towards the next. */
const hours: ReadonlyArray<readonly [hour: number, red: number, green: number, blue: number, lamps: number]> = [
  [0, 122, 130, 205, 1],
  [4.5, 126, 134, 206, 1],
  [6, 232, 190, 196, 0.5],
  [7.5, 255, 244, 226, 0],
  [11, 255, 255, 252, 0],
  [15.5, 255, 253, 240, 0],
  [17.5, 255, 222, 184, 0.12],
  [18.7, 236, 170, 166, 0.6],
  [20, 156, 142, 206, 0.95],
  [22, 126, 132, 206, 1],
  [24, 122, 130, 205, 1]
]

export function lightAt(hour: number): Light {
  const next = hours.findIndex(([from]) => from > hour)
  const before = hours[next - 1]
  const after = hours[next]
  if (before === undefined || after === undefined) return { colour: 0xffffff, lamps: 0 }
  const part = (hour - before[0]) / (after[0] - before[0])
  const mix = (at: 1 | 2 | 3 | 4) => before[at] + (after[at] - before[at]) * part
  return { colour: (Math.round(mix(1)) << 16) | (Math.round(mix(2)) << 8) | Math.round(mix(3)), lamps: mix(4) }
}

export const hourOf = (date: Date): number => date.getHours() + date.getMinutes() / 60
