/**
 * `npm run check`: all that can be said about the code without running it. Each gate says its verdict and its time on
 * one line; what it printed is shown only when it failed. All of them run, so that one run shows all there is to mend.
 */
import { spawn } from "node:child_process"

interface Gate {
  readonly name: string
  readonly what: string
  readonly command: string
  readonly arguments: ReadonlyArray<string>
}

// npm puts the tools of the lockfile first in PATH, and the Node of the lockfile with them.
const gates: ReadonlyArray<Gate> = [
  { name: "tsc", what: "types", command: "tsc", arguments: ["--pretty", "false"] },
  { name: "page", what: "types of the page", command: "tsc", arguments: ["-p", "web", "--pretty", "false"] },
  { name: "biome", what: "lint and format", command: "biome", arguments: ["check", "--colors=off"] },
  { name: "knip", what: "nothing unused", command: "knip", arguments: ["--no-progress"] },
  { name: "protocol", what: "protos", command: "node", arguments: ["scripts/check-protocol.ts"] }
]

interface Outcome {
  readonly passed: boolean
  readonly output: string
}

function run(gate: Gate): Promise<Outcome> {
  return new Promise((resolve) => {
    const chunks: Array<string> = []
    const child = spawn(gate.command, gate.arguments, { stdio: ["ignore", "pipe", "pipe"] })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8")
      stream.on("data", (chunk: string) => chunks.push(chunk))
    }
    child.on("error", (error) =>
      resolve({ passed: false, output: `${error.message}: run this as \`npm run check\`\n` })
    )
    child.on("close", (code) => resolve({ passed: code === 0, output: chunks.join("") }))
  })
}

let failed = 0
for (const gate of gates) {
  const begun = performance.now()
  const { passed, output } = await run(gate)
  const seconds = ((performance.now() - begun) / 1000).toFixed(1)
  console.log(`${passed ? "ok    " : "FAILED"} ${gate.name.padEnd(8)} ${seconds.padStart(5)} s  ${gate.what}`)
  if (passed) continue
  failed++
  console.log(output.trimEnd().replace(/^/gm, "       "))
}
console.log(
  failed === 0 ? `check: all ${gates.length} gates passed` : `check: ${failed} of ${gates.length} gates failed`
)
process.exitCode = failed === 0 ? 0 : 1
