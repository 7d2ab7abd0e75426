/**
 * Keeps the repository tidy. Every rule is first shown a planted defect that it must find and a decent file that it must
 * leave alone, then the files of the repository.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Rules from "./Rules.ts"
import { listFiles, parse, readSources, readText, type Source } from "./Source.ts"

const sdk = readSources(["sdk"]).filter(({ path }) => !path.includes("/node_modules/") && !path.includes("/dist/"))
const ours = [
  ...readSources(["src", "test", "bench", "scripts", "web"]),
  ...sdk.filter(({ path }) => !path.includes("/gen/"))
]
const source = ours.filter(({ path }) => path.startsWith("src/"))
const generated = [...readSources(["gen"]), ...sdk.filter(({ path }) => path.includes("/gen/"))]

/** Files that are not TypeScript, seen as text alone. */
const asText = (path: string, text: string): Source => ({ ...parse("empty.ts", ""), path, text })
const texts = [
  ...["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "package.json", "package-lock.json", ".ci/run"],
  ...["sdk/typescript/README.md", "sdk/typescript/package.json"],
  ...listFiles("docs").filter((path) => path.endsWith(".md"))
].map((path) => asText(path, readText(path)))

const lines = (count: number) => "  run()\n".repeat(count)

interface Case {
  readonly name: string
  readonly rule: Rules.Rule
  /** Path and text of files that break the rule. */
  readonly defects: ReadonlyArray<readonly [path: string, text: string]>
  readonly decent: ReadonlyArray<readonly [path: string, text: string]>
  readonly files: ReadonlyArray<Source>
}

const cases: ReadonlyArray<Case> = [
  {
    name: "imports point one way",
    rule: Rules.importDirection,
    defects: [
      ["src/wire/A.ts", `import { x } from "../bus/B.ts"`],
      ["src/link/A.ts", `import type { X } from "../bus/B.ts"`],
      ["src/link/A.ts", `export type A = import("../space/B.ts").B`],
      ["src/bus/A.ts", `export const a = () => import("../client/B.ts")`],
      ["src/bus/A.ts", `export const a = (name: string) => import(\`../client/\${name}.ts\`)`],
      ["src/client/A.ts", `export { x } from "../plaza/chat/B.ts"`],
      ["src/client/A.ts", `export * from "../App.ts"`],
      ["src/plaza/chat/A.ts", `import { x } from "../../watch/B.ts"`],
      ["src/telemetry/A.ts", `import { x } from "../bus/B.ts"`],
      ["src/Settings.ts", `import type { X } from "./link/B.ts"`],
      ["src/wire/A.ts", `import { x } from "../codegen/B.ts"`],
      ["src/codegen/A.ts", `import { x } from "../wire/B.ts"`],
      ["src/elsewhere/A.ts", `import { x } from "../wire/B.ts"`],
      ["src/wire/A.ts", `import { x } from "../../test/B.ts"`],
      ["src/space/A.ts", `import type { X } from "../client/B.ts"`],
      ["src/client/A.ts", `import { x } from "../../sdk/typescript/src/Plaza.ts"`],
      ["sdk/typescript/src/A.ts", `import type { X } from "../../../src/wire/Lines.ts"`],
      ["sdk/typescript/src/A.ts", `import { x } from "../../../gen/registry.ts"`],
      ["sdk/typescript/src/Plaza.ts", `import { x } from "node:net"`],
      ["sdk/typescript/src/Tcp.ts", `import { x } from "effect"`],
      ["sdk/typescript/src/Testing.ts", `import { x } from "../../../src/App.ts"`],
      ["gen/consumers.ts", `import { x } from "../src/bus/Consumer.ts"`],
      ["gen/registry.ts", `import type { X } from "../src/space/A.ts"`]
    ],
    decent: [
      ["src/main.ts", `import { x } from "./App.ts"; import { y } from "./wire/A.ts"`],
      ["src/plaza/chat/A.ts", `import { x } from "../../space/B.ts"; import { y } from "../../Settings.ts"`],
      ["src/telemetry/A.ts", `import type { X } from "../wire/B.ts"; import { y } from "../../gen/registry.ts"`],
      [
        "gen/consumers.ts",
        `import type { X } from "../src/bus/Consumer.ts"; import { y } from "../src/wire/Strict.ts"`
      ],
      [
        "sdk/typescript/src/Testing.ts",
        `import { x } from "../../../src/Embedded.ts"; import { y } from "./gen/protocol.ts"`
      ],
      ["sdk/typescript/src/Tcp.ts", `import { x } from "node:net"`],
      ["src/command/A.ts", `import { x } from "../../sdk/typescript/src/Plaza.ts"`],
      ["test/wire/A.test.ts", `import { x } from "../../src/codegen/B.ts"`]
    ],
    files: [...ours, ...generated]
  },
  {
    name: "only link and space know the brokers",
    rule: Rules.brokerImports,
    defects: [
      ["src/bus/A.ts", `import { Redis } from "ioredis"`],
      ["src/plaza/A.ts", `import type { Kafka } from "kafkajs"`],
      ["src/command/A.ts", `export const load = () => import("zookeeper")`],
      ["src/App.ts", `import { Command } from "ioredis/built/Command.js"`]
    ],
    decent: [
      ["src/link/A.ts", `import { Kafka } from "kafkajs"`],
      ["src/space/A.ts", `import { Redis } from "ioredis"`]
    ],
    files: source
  },
  {
    name: "functions have 70 lines at most",
    rule: Rules.functionLength,
    defects: [
      ["src/A.ts", `export function a() {\n${lines(69)}}`],
      ["src/A.ts", `export const a = () => {\n${lines(69)}}`],
      ["src/A.ts", `export const a = Effect.gen(function* () {\n${lines(69)}})`],
      ["src/A.ts", `export class A {\n  a() {\n${lines(69)}  }\n}`],
      ["test/A.test.ts", `it("a", () => {\n${lines(69)}})`]
    ],
    decent: [
      ["src/A.ts", `export function a() {\n${lines(68)}}`],
      ["src/A.ts", `export function a() {\n${"  // why\n\n".repeat(9)}${lines(68)}}`],
      [
        "test/A.test.ts",
        `describe("a", () => {\n  it("b", () => {\n${lines(60)}  })\n  it("c", () => {\n${lines(60)}  })\n})`
      ]
    ],
    files: ours
  },
  {
    name: "files have 400 lines at most",
    rule: Rules.fileLength,
    defects: [["src/A.ts", "run()\n".repeat(401)]],
    decent: [["src/A.ts", "run()\n".repeat(400)]],
    files: ours
  },
  {
    name: "nothing is put off",
    rule: Rules.unfinished,
    defects: [
      ["src/A.ts", "// TODO: the rest"],
      ["src/A.ts", "/** FIXME */"]
    ],
    decent: [["src/A.ts", `const todo = "TODO"`]],
    files: ours
  },
  {
    name: "the compiler is not silenced",
    rule: Rules.silencedCompiler,
    defects: [
      ["src/A.ts", "// @ts-ignore\nrun()"],
      ["src/A.ts", "// @ts-expect-error\nrun()"],
      ["src/A.ts", "export const a: any = 1"],
      ["src/A.ts", "export const a = b as unknown as string"]
    ],
    decent: [
      ["src/A.ts", `export const any = b as string`],
      ["test/A.test.ts", "// @ts-expect-error: the handler is missing\nrun()"]
    ],
    files: ours
  },
  {
    name: "no barrels",
    rule: Rules.noBarrel,
    defects: [
      ["src/wire/index.ts", "export const a = 1"],
      ["src/wire/A.ts", `export * from "./B.ts"\nexport { c } from "./C.ts"`]
    ],
    decent: [["src/wire/A.ts", `export { b } from "./B.ts"\nexport const a = 1`]],
    files: ours
  },
  {
    name: "every file says first what it owns",
    rule: Rules.beginsWithParagraph,
    defects: [
      ["src/A.ts", `import { b } from "./B.ts"\n/** A. */`],
      ["src/A.ts", "// A.\n"]
    ],
    decent: [
      ["src/A.ts", "/** A. */\n"],
      ["src/A.ts", "/**\n * A.\n */\n"]
    ],
    files: ours.filter(({ path }) => !path.startsWith("test/"))
  },
  {
    name: "no paths of one machine",
    rule: Rules.machinePath,
    defects: [
      ["src/A.ts", `const a = "/home/me/x"`],
      ["src/A.ts", `const a = "/tmp"`],
      ["bench/A.ts", "// see /work/notes"]
    ],
    decent: [["src/A.ts", `const a = ["/metrics", "../root/a", "https://example.org/home/", "/homes"]`]],
    files: [...ours.filter(({ path }) => !path.startsWith("test/tidy/")), ...texts]
  },
  {
    name: "no package registry is named",
    rule: Rules.registryHost,
    defects: [
      ["package-lock.json", `"resolved": "…"`],
      [".ci/run", "npm ci --registry https://registry.example.org"]
    ],
    decent: [["package.json", `"name": "noriter"`]],
    files: [...ours.filter(({ path }) => !path.startsWith("test/tidy/")), ...texts]
  }
]

describe.each(cases)("$name", ({ rule, defects, decent, files }) => {
  it.each(defects)("finds the planted defect in %s: %s", (path, text) => {
    const complaints = rule(path.endsWith(".ts") ? parse(path, text) : asText(path, text))
    assert.lengthOf(complaints, 1)
    assert.include(complaints[0], path)
  })
  it.each(decent)("leaves a decent %s alone", (path, text) => {
    assert.deepStrictEqual(rule(path.endsWith(".ts") ? parse(path, text) : asText(path, text)), [])
  })
  it("holds in the repository", () => {
    assert.deepStrictEqual(files.flatMap(rule), [])
  })
})

describe("files do not import each other in a ring", () => {
  const ring = [
    parse("src/wire/A.ts", `import type { B } from "./B.ts"`),
    parse("src/wire/B.ts", `import { c } from "./C.ts"`),
    parse("src/wire/C.ts", `export const a = () => import("./A.ts")`)
  ]
  it("finds a planted ring", () => {
    assert.deepStrictEqual(Rules.findCycles(ring), ["src/wire/A.ts → src/wire/B.ts → src/wire/C.ts → src/wire/A.ts"])
  })
  it("leaves two ways to one file alone", () => {
    const diamond = [...ring.slice(0, 2), parse("src/wire/C.ts", ""), parse("src/wire/D.ts", `import "./C.ts"`)]
    assert.deepStrictEqual(Rules.findCycles(diamond), [])
  })
  it("holds in the repository", () => {
    assert.deepStrictEqual(Rules.findCycles(ours), [])
  })
})

describe("every file of src is used", () => {
  // The commands of package.json, the plugin that buf runs, and tests: some of src only makes trouble, for them. What
  // declares the types of others' modules is imported by their names.
  const tests = ours.map(({ path }) => path).filter((path) => /\.(test|d)\.ts$/.test(path))
  const entries = [
    "src/main.ts",
    "sdk/typescript/src/Testing.ts",
    "src/codegen/Plugin.ts",
    "bench/main.ts",
    ...listFiles("scripts"),
    ...tests
  ]
  const used = parse("src/main.ts", `import { a } from "./wire/A.ts"`)
  it("finds a planted one that is not", () => {
    const planted = [
      used,
      parse("src/wire/A.ts", ""),
      parse("src/wire/B.ts", ""),
      parse("test/b.ts", `import "../src/wire/B.ts"`)
    ]
    assert.deepStrictEqual(Rules.findUnused(planted, entries), ["src/wire/B.ts"])
  })
  it("leaves one alone that only the generated code imports", () => {
    const planted = [
      parse("src/main.ts", `import "../gen/a.ts"`),
      parse("gen/a.ts", `import "../src/A.ts"`),
      parse("src/A.ts", "")
    ]
    assert.deepStrictEqual(Rules.findUnused(planted, entries), [])
  })
  it("holds in the repository", () => {
    assert.deepStrictEqual(Rules.findUnused([...ours, ...generated], entries), [])
  })
})
