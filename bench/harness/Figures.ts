/**
 * What runners count of themselves, as /metrics says it, and whether it is all the same number: a line that is answered
 * is one line taken, one record on the log, one that was applied, and one tell to each runner.
 */

export type Figures = ReadonlyMap<string, number>

/** Of all runners together. */
export async function figuresOf(httpPorts: ReadonlyArray<number>): Promise<Figures> {
  const sums = new Map<string, number>()
  for (const httpPort of httpPorts) {
    const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text()
    for (const line of text.split("\n")) {
      const space = line.lastIndexOf(" ")
      if (space === -1 || line.startsWith("#")) continue
      const name = line.slice(0, space)
      sums.set(name, (sums.get(name) ?? 0) + Number(line.slice(space + 1)))
    }
  }
  return sums
}

/** What was counted of lines said between two looks. */
export function linesCounted(before: Figures, after: Figures, runners: number) {
  const more = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0)
  return {
    taken: more('noriter_lines_in_total{key="noriter.client.v1.SayRequest"}'),
    appended: more('noriter_appended_total{key="noriter.topic.v1.LineAsked"}'),
    applied: more('noriter_applied_total{key="noriter.topic.v1.LineAsked"}'),
    told: more('noriter_dispatched_total{lane="RUNNER",key="noriter.runner.v1.LineTold"}') / runners
  }
}

/** How far the counts are from what was answered, at most. */
export const differing = (answered: number, counts: ReadonlyArray<number>): number =>
  Math.max(...counts.map((count) => Math.abs(count - answered)))
