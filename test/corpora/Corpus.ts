/**
 * Reads the public corpora beside this file: gzipped lines of JSON, the first of which says source and licence. Counts
 * what becomes of their rows, so that every row is either checked or has a reason.
 */
import { readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"

/** The rows of a corpus, without its first line. */
export function readCorpus<Row>(name: string): ReadonlyArray<Row> {
  const text = gunzipSync(readFileSync(new URL(`./${name}.ndjson.gz`, import.meta.url))).toString("utf8")
  const [meta, ...rows] = text.trimEnd().split("\n")
  if (meta === undefined || !("_meta" in JSON.parse(meta))) throw new Error(`${name} does not begin with its licence`)
  return rows.map((row) => JSON.parse(row))
}

/** What became of the rows of one kind. */
interface Count {
  agreed: number
  /** Checked against another verdict than the corpus's own, by reason. */
  readonly decided: Map<string, number>
  /** Not checked, by reason. */
  readonly passedOver: Map<string, number>
}

export class Tally {
  readonly #kinds = new Map<string, Count>()

  agree(kind: string): void {
    this.#of(kind).agreed++
  }

  decide(kind: string, reason: string): void {
    add(this.#of(kind).decided, reason)
  }

  passOver(kind: string, reason: string): void {
    add(this.#of(kind).passedOver, reason)
  }

  get rows(): number {
    return [...this.#kinds.values()].reduce(
      (sum, kind) => sum + kind.agreed + total(kind.decided) + total(kind.passedOver),
      0
    )
  }

  print(title: string): void {
    const lines = [...this.#kinds]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([kind, count]) => [
        `  ${kind.padEnd(12)} ${String(count.agreed).padStart(4)} as the corpus says`,
        ...describe(count.decided, "as decided here"),
        ...describe(count.passedOver, "not counted")
      ])
    process.stdout.write(`${title}: ${this.rows} rows\n${lines.join("\n")}\n`)
  }

  #of(kind: string): Count {
    const known = this.#kinds.get(kind)
    if (known !== undefined) return known
    const made: Count = { agreed: 0, decided: new Map(), passedOver: new Map() }
    this.#kinds.set(kind, made)
    return made
  }
}

const add = (counts: Map<string, number>, reason: string): void =>
  void counts.set(reason, (counts.get(reason) ?? 0) + 1)
const total = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0)
const describe = (counts: ReadonlyMap<string, number>, what: string): ReadonlyArray<string> =>
  [...counts].map(([reason, count]) => `               ${String(count).padStart(4)} ${what}: ${reason}`)
