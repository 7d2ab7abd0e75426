/** What the printers of TypeScript share: comments, and the imports of what ts-proto generates beside our own output. */
import type { DescEnum, DescMessage } from "@bufbuild/protobuf"
import { type GeneratedFile, getComments, type ImportSymbol } from "@bufbuild/protoplugin"

/** The type of a message, as ts-proto writes it. */
export function typeOf(f: GeneratedFile, desc: DescMessage | DescEnum): ImportSymbol {
  return f.import(desc.name, `./gen/${desc.file.name}.js`, true)
}

/** Its codec: encode, decode, toJSON. */
export function codecOf(f: GeneratedFile, desc: DescMessage): ImportSymbol {
  return f.import(desc.name, `./gen/${desc.file.name}.js`)
}

/** ts-proto's function from a value of an enum to its name; it throws on a number without one. */
export function enumToJson(f: GeneratedFile, desc: DescEnum): ImportSymbol {
  const name = `${desc.name.charAt(0).toLowerCase()}${desc.name.slice(1)}`
  return f.import(`${name}ToJSON`, `./gen/${desc.file.name}.js`)
}

/** The first comment of a proto element, in one line, without trailing space; what would end a comment does not. */
export function commentOf(desc: Parameters<typeof getComments>[0]): string {
  return (getComments(desc).leading ?? "").replace(/\s+/g, " ").replaceAll("*/", "* /").trim()
}

export const text = (value: string): string => JSON.stringify(value)
