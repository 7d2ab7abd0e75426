/**
 * Plain data as MessagePack, which Redis' Lua reads as tables (`cmsgpack.unpack`): how a script is told what to do. One
 * way only: what scripts answer is Redis' own. Bytes and strings are both strings there; what is undefined is left out.
 */

export type Packable =
  | number
  | string
  | boolean
  | Uint8Array
  | undefined
  | ReadonlyArray<Packable>
  | { readonly [name: string]: Packable }

export function pack(value: Packable): Buffer {
  const packer = new Packer()
  packer.put(value)
  return packer.done()
}

const isList = (value: Packable): value is ReadonlyArray<Packable> => Array.isArray(value)

class Packer {
  #bytes = Buffer.allocUnsafe(512)
  #end = 0

  put(value: Packable): void {
    if (typeof value === "string") this.#string(value)
    else if (typeof value === "number") this.#number(value)
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2)
    else if (value === undefined) throw new Error("nothing cannot be packed")
    else if (value instanceof Uint8Array) this.#binary(value)
    else if (isList(value)) this.#list(value)
    else this.#fields(value)
  }

  done(): Buffer {
    return this.#bytes.subarray(0, this.#end)
  }

  /** Whole numbers up to 32 bits as such; the others as the double that Lua would make of them anyway. */
  #number(value: number): void {
    const isWhole = Number.isInteger(value) && value >= 0
    if (isWhole && value < 0x80) this.#byte(value)
    else if (isWhole && value <= 0xffffffff) this.#sized(0xce, value)
    else this.#double(value)
  }

  #double(value: number): void {
    const at = this.#room(9)
    this.#bytes[at] = 0xcb
    this.#bytes.writeDoubleBE(value, at + 1)
  }

  #string(value: string): void {
    const bytes = Buffer.byteLength(value)
    if (bytes < 32) this.#byte(0xa0 | bytes)
    else this.#sized(0xdb, bytes)
    const at = this.#room(bytes)
    this.#bytes.write(value, at)
  }

  #binary(value: Uint8Array): void {
    this.#sized(0xdb, value.length) // as a string: Redis knows no other
    const at = this.#room(value.length)
    this.#bytes.set(value, at)
  }

  #list(values: ReadonlyArray<Packable>): void {
    if (values.length < 16) this.#byte(0x90 | values.length)
    else this.#sized(0xdd, values.length)
    for (const value of values) this.put(value)
  }

  #fields(fields: { readonly [name: string]: Packable }): void {
    const present = Object.entries(fields).filter(([, value]) => value !== undefined)
    if (present.length < 16) this.#byte(0x80 | present.length)
    else this.#sized(0xdf, present.length)
    for (const [name, value] of present) {
      this.#string(name)
      this.put(value)
    }
  }

  #byte(value: number): void {
    const at = this.#room(1)
    this.#bytes[at] = value
  }

  #sized(kind: number, size: number): void {
    const at = this.#room(5)
    this.#bytes[at] = kind
    this.#bytes.writeUInt32BE(size, at + 1)
  }

  /** Where so many bytes may be written now; `#bytes` may be another array afterwards. */
  #room(bytes: number): number {
    const at = this.#end
    this.#end += bytes
    if (this.#end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#end, this.#bytes.length * 2))
      larger.set(this.#bytes.subarray(0, at))
      this.#bytes = larger
    }
    return at
  }
}
