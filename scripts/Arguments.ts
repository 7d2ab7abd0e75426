/**
 * What a command of this repository is given. What its file says of itself is what `--help` prints; an option that is none
 * is said in a line, with 2, and not with a stack.
 */
import { readFileSync } from "node:fs"
import { type ParseArgsConfig, parseArgs } from "node:util"

/** The options and names given to the command that this file is. Ends the process where they cannot be read. */
export function readArguments<T extends ParseArgsConfig>(file: string, config: T): ReturnType<typeof parseArgs<T>> {
  // `| head`: whoever stops reading does not stop what is being measured, and its children with it.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
  if (process.argv.includes("--help")) {
    process.stdout.write(`${descriptionIn(readFileSync(file, "utf8"))}\n`)
    process.exit(0)
  }
  try {
    return parseArgs(config)
  } catch (cause) {
    return refuse(`${messageOf(cause)}; --help says which there are`)
  }
}

/** The number given to an option. Ends the process where it is none: what runs NaN times finds nothing wrong. */
export function numberGiven(option: string, text: string, least: number): number {
  const number = text.trim() === "" ? Number.NaN : Number(text)
  return Number.isFinite(number) && number >= least
    ? number
    : refuse(`--${option} takes a number, ${least} or more, and not ${text}`)
}

function refuse(why: string): never {
  process.stderr.write(`${why}\n`)
  process.exit(2)
}

const descriptionIn = (source: string): string =>
  (/\/\*\*\n(.*?)\n \*\//s.exec(source)?.[1] ?? "").replaceAll(/^ \* ?/gm, "")

/** Without what parseArgs says of positional arguments, of which most commands have none. */
const messageOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : `${cause}`).replace(/\. .*/s, "")
