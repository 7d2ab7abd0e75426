/**
 * Plants a defect into this process before anything of it is loaded: `PLANTED=heads-off node --import ./test/planted/Plant.ts
 * src/main.ts start`. Changes what is read, never a file. TypeScript is changed on its way to the loader, the scripts of
 * the shared space as they are read. What the defects are stands in Defects.ts.
 */
import fs, { type PathOrFileDescriptor } from "node:fs"
import { registerHooks, syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { defects, type Edit } from "./Defects.ts"

const root = join(import.meta.dirname, "../..")
const name = process.env.PLANTED ?? ""
const planted = defects.find((defect) => defect.name === name)
if (planted === undefined) {
  throw new Error(`PLANTED=${name}: it is one of ${defects.map((defect) => defect.name).join(", ")}`)
}

const editsOf = (path: string): ReadonlyArray<Edit> => planted.edits.filter(({ file }) => join(root, file) === path)

const changed = (text: string, edits: ReadonlyArray<Edit>): string =>
  edits.reduce((before, { file, find, replace }) => {
    if (before.split(find).length !== 2) throw new Error(`${planted.name}: its text does not stand once in ${file}`)
    return before.replace(find, () => replace)
  }, text)

registerHooks({
  load: (url, context, next) => {
    const loaded = next(url, context)
    const edits = url.startsWith("file:") ? editsOf(fileURLToPath(url)) : []
    const { source } = loaded
    if (edits.length === 0 || source === undefined || source === null) return loaded
    return { ...loaded, source: changed(typeof source === "string" ? source : new TextDecoder().decode(source), edits) }
  }
})

const read = fs.readFileSync
const pathOf = (file: PathOrFileDescriptor): string =>
  file instanceof URL ? fileURLToPath(file) : typeof file === "string" ? file : ""

fs.readFileSync = new Proxy(read, {
  apply: (target, self, [file, ...rest]: [PathOrFileDescriptor, ...ReadonlyArray<unknown>]) => {
    const text: unknown = Reflect.apply(target, self, [file, ...rest])
    const edits = pathOf(file).endsWith(".lua") ? editsOf(pathOf(file)) : []
    return typeof text === "string" ? changed(text, edits) : text
  }
})
syncBuiltinESMExports()
