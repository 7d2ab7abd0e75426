/**
 * What is planted stands where it is said to, once, and is still a program when it is planted; and a process that it is
 * planted into runs with it.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { parse } from "../tidy/Source.ts"
import { defects } from "./Defects.ts"

const root = join(import.meta.dirname, "../..")
const readText = (file: string): string => readFileSync(join(root, file), "utf8")

/** Runs a program with a defect planted into it, or none; what it prints. */
const run = (planted: string, program: string): string =>
  execFileSync(
    process.execPath,
    ["--import", "./test/planted/Plant.ts", "--input-type=module-typescript", "--eval", program],
    { cwd: root, encoding: "utf8", env: { ...process.env, PLANTED: planted }, stdio: ["ignore", "pipe", "pipe"] }
  ).trim()

describe("planted defects", () => {
  it("have names of their own", () => {
    assert.strictEqual(new Set(defects.map(({ name }) => name)).size, defects.length)
  })

  it.each(defects.flatMap(({ name, edits }) => edits.map((edit) => [name, edit.file, edit] as const)))(
    "%s stands once in %s",
    (_name, file, { find, replace }) => {
      const text = readText(file)
      assert.lengthOf(text.split(find), 2)
      const changed = text.replace(find, () => replace)
      assert.notStrictEqual(changed, text)
      if (file.endsWith(".ts")) parse(file, changed)
    }
  )

  it("change what a process loads, and the scripts it reads", () => {
    const outcomes = `import { outcomesMax } from "./src/space/SharedSpace.ts"; console.log(outcomesMax)`
    assert.strictEqual(run("one-outcome", outcomes), "1")
    assert.strictEqual(run("heads-off", outcomes), "64")
    const script = `import { readFileSync } from "node:fs"; console.log(readFileSync("./src/space/lua/commit.lua", "utf8"))`
    const read = (planted: string) => run(planted, script.replace("./src", `${root}/src`))
    assert.notInclude(read("reads-unchecked"), `"Conflict"`)
    assert.include(read("heads-off"), `"Conflict"`)
    assert.throws(() => run("mistyped", outcomes), /it is one of sweep-off/)
  })
})
