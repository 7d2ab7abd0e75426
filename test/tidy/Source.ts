/**
 * A file as the rules of tidiness see it: its text, what it imports and how long its functions are. Read with a real
 * parser, so that type imports, dynamic imports and `import("…").Type` count, and what stands in a string does not.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join, posix } from "node:path"
import { parseSync, Visitor } from "oxc-parser"

export interface Import {
  /** As it is written, or the path from the root of the repository where it names a file of ours. */
  readonly target: string
  /** Nothing of it is left when the program runs. */
  readonly typeOnly: boolean
}

export interface FunctionSize {
  readonly line: number
  /** Lines of code, those of comments and of the functions within it not counted: what a reader has to hold at once. */
  readonly ownLines: number
}

export interface Comment {
  readonly line: number
  readonly text: string
}

export interface Source {
  /** From the root of the repository, with slashes. */
  readonly path: string
  readonly text: string
  readonly imports: ReadonlyArray<Import>
  readonly functions: ReadonlyArray<FunctionSize>
  readonly comments: ReadonlyArray<Comment>
  /** Lines on which something is declared `any`. */
  readonly anyLines: ReadonlyArray<number>
  /** Lines on which a type is cast twice in a row: the way round the compiler. */
  readonly doubleCastLines: ReadonlyArray<number>
  /** Whether it does nothing but hand on what others export. */
  readonly onlyHandsOn: boolean
}

const root = join(import.meta.dirname, "../..")

/** Paths of every file of ours under a folder of the repository; none where there is no such folder. */
export function listFiles(folder: string): ReadonlyArray<string> {
  return readdirSync(root, { withFileTypes: true }).some((entry) => entry.name === folder)
    ? readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.parentPath.includes("node_modules"))
        .map((entry) => posix.join(folder, entry.parentPath.slice(join(root, folder).length + 1), entry.name))
        .sort()
    : []
}

export const readText = (path: string): string => readFileSync(join(root, path), "utf8")

/** Every TypeScript file of the given folders, parsed. */
export const readSources = (folders: ReadonlyArray<string>): ReadonlyArray<Source> =>
  folders
    .flatMap(listFiles)
    .filter((path) => path.endsWith(".ts"))
    .map((path) => parse(path, readText(path)))

export function parse(path: string, text: string): Source {
  const { program, comments, errors } = parseSync(path, text)
  const [error] = errors
  if (error !== undefined) throw new Error(`${path}: ${error.message}`)
  const lineAt = lineFinder(text)
  const imports: Array<Import> = []
  const functions: Array<FunctionSize> = []
  const anyLines: Array<number> = []
  const doubleCastLines: Array<number> = []

  const add = (specifier: string, typeOnly: boolean) => imports.push({ target: resolve(path, specifier), typeOnly })
  const codeLines = codeLineCounter(text, comments, lineAt)
  // Lines of the functions within each open function, outermost first.
  const within: Array<number> = []
  const open = () => within.push(0)
  const close = (node: { readonly start: number; readonly end: number }) => {
    const line = lineAt(node.start)
    const lines = codeLines(line, lineAt(node.end))
    functions.push({ line, ownLines: lines - (within.pop() ?? 0) })
    const outer = within.pop()
    // The line on which an inner function begins is the outer one's, too.
    if (outer !== undefined) within.push(outer + lines - 1)
  }
  new Visitor({
    ImportDeclaration: (node) => add(node.source.value, node.importKind === "type"),
    ExportAllDeclaration: (node) => add(node.source.value, node.exportKind === "type"),
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) add(node.source.value, node.exportKind === "type")
    },
    ImportExpression: (node) => add(textOf(node.source), false),
    TSImportType: (node) => add(node.source.value, true),
    TSAnyKeyword: (node) => anyLines.push(lineAt(node.start)),
    TSAsExpression: (node) => {
      if (node.expression.type === "TSAsExpression") doubleCastLines.push(lineAt(node.start))
    },
    FunctionDeclaration: open,
    "FunctionDeclaration:exit": close,
    FunctionExpression: open,
    "FunctionExpression:exit": close,
    ArrowFunctionExpression: open,
    "ArrowFunctionExpression:exit": close
  }).visit(program)

  const handsOn = program.body.filter(
    (node) => node.type === "ExportAllDeclaration" || (node.type === "ExportNamedDeclaration" && node.source !== null)
  )
  return {
    path,
    text,
    imports,
    functions,
    comments: comments.map((comment) => ({ line: lineAt(comment.start), text: comment.value })),
    anyLines,
    doubleCastLines,
    onlyHandsOn: handsOn.length > 0 && handsOn.length === program.body.length
  }
}

/** The text of a dynamic import's argument; one that is put together at run time names nothing that can be checked. */
function textOf(node: { readonly type: string; readonly value?: unknown }): string {
  return node.type === "Literal" && typeof node.value === "string" ? node.value : "(computed)"
}

function resolve(from: string, specifier: string): string {
  return specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : specifier
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0]
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
}

/** Counts the lines from one to another on which there is more than a comment. */
function codeLineCounter(
  text: string,
  comments: ReadonlyArray<{ readonly start: number; readonly end: number }>,
  lineAt: (offset: number) => number
): (first: number, last: number) => number {
  const isCode = text.split("\n").map((line) => line.trim() !== "")
  for (const { start, end } of comments) {
    const first = lineAt(start)
    const onlyComment = text.slice(text.lastIndexOf("\n", start) + 1, start).trim() === ""
    for (let line = first; line <= lineAt(end); line++) if (onlyComment) isCode[line - 1] = false
  }
  return (first, last) => isCode.slice(first - 1, last).filter(Boolean).length
}
