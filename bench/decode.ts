/**
 * From the bytes of a socket to a typed message: framing, UTF-8, JSON and the strict decoder in one. Each sample is
 * measured in a process of its own.
 */
import { fork } from "node:child_process"
import { decodeClientMessage } from "../gen/decoders.ts"
import { faultOf, Lines, parseLine, tooLong } from "../src/wire/Lines.ts"
import { Issues } from "../src/wire/Strict.ts"
import { compare, measure, type Piece } from "./Measure.ts"
import type { Bench, Row } from "./Report.ts"

interface Sample {
  readonly name: string
  readonly line: string
  /** Times what JSON.parse alone takes on it. */
  readonly target: number
}

const move = `{"move":{"xCm":10290,"yCm":9950}}`

const samples: ReadonlyArray<Sample> = [
  { name: "a move", line: move, target: 1.5 },
  {
    name: "a line in Korean",
    line: `{"id":4,"say":{"text":"안녕하세요, 오늘 날씨가 참 좋네요","reach":"REACH_PLAYGROUND"}}`,
    target: 1.5
  },
  { name: "an enter", line: `{"id":3,"enter":{"playground":"park","avatar":"fox"}}`, target: 1.5 },
  { name: "a wrong field", line: `{"id":5,"say":{"text":7,"reach":"REACH_PLAYGROUND"}}`, target: 2 },
  { name: "an unknown field", line: `{"move":{"xCm":10290,"yCm":9950,"zCm":1}}`, target: 2 }
]

const notJson = `{"move":{"xCm":10290,"yCm":9950}`

const toChunk = (line: string): Buffer => Buffer.from(`${line}\n`)

/** What a connection does with a chunk. */
function decoding(chunk: Buffer): Piece {
  const lines = new Lines(8192)
  const issues = new Issues()
  return (times) => {
    let result: unknown
    for (let time = 0; time < times; time++) {
      lines.feed(chunk, time)
      for (let line = lines.next(); line !== undefined; line = lines.next()) {
        if (line === tooLong) continue
        const fields = parseLine(line)
        if (fields === undefined) {
          result = faultOf(line)
          continue
        }
        issues.clear()
        result = decodeClientMessage(fields, issues) ?? issues.list()
      }
    }
    return result
  }
}

function parsing(chunk: Buffer): Piece {
  return (times) => {
    let result: unknown
    for (let time = 0; time < times; time++) result = JSON.parse(chunk.toString())
    return result
  }
}

/** Finding the line in the chunk, and nothing more: part of every figure above it. */
function framing(chunk: Buffer): Piece {
  const lines = new Lines(8192)
  return (times) => {
    let found = 0
    for (let time = 0; time < times; time++) {
      lines.feed(chunk, time)
      while (lines.next() !== undefined) found++
    }
    return found
  }
}

/** What one process measures: a sample, or what is left. */
const tasks: ReadonlyMap<string, (seconds: number) => ReadonlyArray<Row>> = new Map([
  ...samples.map(({ name, line, target }): readonly [string, (seconds: number) => ReadonlyArray<Row>] => [
    name,
    (seconds) => {
      const chunk = toChunk(line)
      const { piece, ratio } = compare(decoding(chunk), parsing(chunk), seconds)
      return [
        { name: `${name}, time`, unit: "ns", ...piece },
        { name: `${name}, ratio`, unit: "×", target, ...ratio }
      ]
    }
  ]),
  [
    "not JSON",
    (seconds) => [
      { name: "not JSON, time", unit: "ns", target: 12_000, ...measure(decoding(toChunk(notJson)), seconds) }
    ]
  ],
  [
    "framing",
    (seconds) => [{ name: "framing of a move alone, time", unit: "ns", ...measure(framing(toChunk(move)), seconds) }]
  ]
])

/** In a process of its own, so that no sample runs in code that was compiled for another. */
const inItsProcess = (name: string, seconds: number): Promise<ReadonlyArray<Row>> =>
  new Promise((resolve, reject) => {
    const child = fork(import.meta.filename, [name, String(seconds)], { serialization: "advanced" })
    let rows: ReadonlyArray<Row> = []
    child.on("message", (measured: ReadonlyArray<Row>) => {
      rows = measured
    })
    child.on("error", reject)
    child.on("exit", (code) => (code === 0 ? resolve(rows) : reject(new Error(`${name}: exit code ${code}`))))
  })

export const decode: Bench = {
  name: "decode",
  about: "socket buffer → typed message, and its ratio to JSON.parse(buffer.toString()) of the same line",
  run: async (seconds, at) => {
    const rows: Array<Row> = []
    for (const name of tasks.keys()) {
      at(name)
      rows.push(...(await inItsProcess(name, seconds)))
    }
    return rows
  }
}

const [, program, task = "", seconds = "1"] = process.argv
if (program === import.meta.filename) process.send?.(tasks.get(task)?.(Number(seconds)))
