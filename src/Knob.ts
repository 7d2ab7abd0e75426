/**
 * How a knob is read from its NORITER_… variable: by a parser that says what the value should have been. Owns the parsers
 * and the names of all variables that are read; which knobs there are is Settings'.
 */
import * as Net from "node:net"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Text from "effect/String"

/** A value, or what it should have been. */
type Parse<A> = (raw: string) => Result.Result<A, string>

const names = new Set<string>()
/** Whether any knob reads this variable. */
export const isRead = (variable: string): boolean => names.has(variable)

const variableOf = (name: string): string => `NORITER_${Text.configCase(name)}`

/** Refuses with the variable's name. The value is repeated, but for those that may hold a secret. */
function read<A>(name: string, parse: Parse<A>): Config.Config<A> {
  const variable = variableOf(name)
  names.add(variable)
  return Config.String(name).pipe(
    Config.mapEffect((raw) => {
      const parsed = parse(raw.trim())
      if (Result.isSuccess(parsed)) return Effect.succeed(parsed.success)
      const shown = /SECRET|REDIS_URL|PASSWORD|TOKEN/.test(variable) ? "what it is" : JSON.stringify(raw)
      const message = `${variable} must be ${parsed.failure}, not ${shown}`
      return Effect.fail(new Config.ConfigError(new ConfigProvider.SourceError({ message })))
    })
  )
}

export function knob<A>(name: string, parse: Parse<A>, whenAbsent: NoInfer<A>): Config.Config<A> {
  return Config.withDefault(read(name, parse), whenAbsent)
}

export function optional<A>(name: string, parse: Parse<A>): Config.Config<Option.Option<A>> {
  return Config.option(read(name, parse))
}

export const prefix: Parse<string> = (raw) =>
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/.test(raw)
    ? Result.succeed(raw)
    : Result.fail("at most 32 letters, digits, dashes and underscores")
export const text: Parse<string> = (raw) => (raw === "" ? Result.fail("some text") : Result.succeed(raw))
export const redacted: Parse<Redacted.Redacted<string>> = (raw) => Result.map(text(raw), Redacted.make)
export const redisUrl: Parse<Redacted.Redacted<string>> = (raw) =>
  /^rediss?:\/\//.test(raw) && URL.canParse(raw)
    ? Result.succeed(Redacted.make(raw))
    : Result.fail("a redis: or rediss: URL, in which what is special in a password stands as %3A, %2F, %40 …")
export const accountName: Parse<string> = (raw) =>
  raw === "" || raw.includes(":") ? Result.fail("a name without colons") : Result.succeed(raw)
export const secret: Parse<Redacted.Redacted<string>> = (raw) =>
  Buffer.byteLength(raw) < 16 ? Result.fail("at least 16 bytes") : Result.succeed(Redacted.make(raw))
/** Long, of many characters that a header carries as they are, and none of those that stand in examples. */
export const opsToken: Parse<Redacted.Redacted<string>> = (raw) =>
  /^[!-~]{24,512}$/.test(raw) &&
  new Set(raw).size >= 10 &&
  !/secret|token|change|default|example|password|noriter/i.test(raw)
    ? Result.succeed(Redacted.make(raw))
    : Result.fail("24 to 512 letters, digits and signs made up at random: `openssl rand -hex 32`")
export const runnerName: Parse<string> = (raw) =>
  /^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(raw)
    ? Result.succeed(raw)
    : Result.fail("a name of at most 63 letters, digits and dashes")
export const url: Parse<string> = (raw) =>
  /^https?:\/\//.test(raw) && URL.canParse(raw) ? Result.succeed(raw) : Result.fail("an http or https URL")

export const list: Parse<ReadonlyArray<string>> = (raw) => {
  const items = raw
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
  return items.length === 0 ? Result.fail("a list separated by commas") : Result.succeed(items)
}

/** A list of which each item is one; the first that is none refuses all. */
const listOf =
  (isOne: (item: string) => boolean, what: string): Parse<ReadonlyArray<string>> =>
  (raw) =>
    Result.flatMap(list(raw), (items) => (items.every(isOne) ? Result.succeed(items) : Result.fail(what)))

/** `10.0.0.1`, `10.1.0.0/16`, `fd00::/8`. */
const isNetwork = (item: string): boolean => {
  const [, address = "", , bits = "0"] = /^([^/]+)(\/(\d{1,3}))?$/.exec(item) ?? []
  const kind = Net.isIP(address)
  return kind !== 0 && Number(bits) <= (kind === 4 ? 32 : 128)
}
export const networks = listOf(isNetwork, "addresses or networks, separated by commas, as in 10.0.0.1,10.1.0.0/16")

/** As browsers say it, or it would never be found: no path, no port that goes without saying. Apps have schemes of their own. */
const isOrigin = (item: string): boolean =>
  item === "*" ||
  item === "null" ||
  (/^https?:/i.test(item)
    ? URL.canParse(item) && new URL(item).origin === item
    : /^[a-z][a-z0-9+.-]*:\/\/[^/\s]+$/.test(item))
export const origins = listOf(
  isOrigin,
  "origins as browsers say them, separated by commas, as in https://play.example, or *"
)

export const onOff: Parse<boolean> = (raw) =>
  raw === "on" || raw === "off" ? Result.succeed(raw === "on") : Result.fail("on or off")

export function oneOf<const A extends ReadonlyArray<string>>(...values: A): Parse<A[number]> {
  return (raw) => {
    const found = values.find((value) => value === raw)
    return found === undefined ? Result.fail(values.join(" or ")) : Result.succeed(found)
  }
}

export function bounded(min: number, max: number): Parse<number> {
  return (raw) => {
    const value = /^\d{1,15}$/.test(raw) ? Number(raw) : -1
    return value >= min && value <= max ? Result.succeed(value) : Result.fail(`a whole number from ${min} to ${max}`)
  }
}

export const limit: Parse<number> = bounded(0, 1_000_000_000)

/** 0 is taken, too, for what has a floor otherwise. */
export function orOff(parse: Parse<number>): Parse<number> {
  return (raw) =>
    /^0+$/.test(raw) ? Result.succeed(0) : Result.mapError(parse(raw), (what) => `${what}, or 0 for off`)
}

const units: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const unitNames = /^(ms|millis(?:econds?)?|s|sec(?:onds?)?|m|min(?:utes?)?|h|hours?)$/

/** `5s`, `5 seconds`, `500 ms`, `0`. A number without a unit says nothing, so only 0 may stand alone. */
export function duration(minMs: number, maxMs = 86_400_000): Parse<number> {
  return (raw) => {
    const [, amount = "", name = ""] = /^(\d{1,9}(?:\.\d{1,3})?)\s*([a-z]*)$/.exec(raw) ?? []
    const unit = unitNames.exec(name)?.[1]
    const perUnit = unit === undefined ? undefined : units[/^mil|^ms/.test(unit) ? "ms" : unit.charAt(0)]
    const value = perUnit === undefined ? (/^0+$/.test(raw) ? 0 : -1) : Math.round(Number(amount) * perUnit)
    return value >= minMs && value <= maxMs
      ? Result.succeed(value)
      : Result.fail(`a duration like 5s or 500 ms, from ${minMs} ms to ${maxMs} ms`)
  }
}

export const rateAndBurst: Parse<readonly [rate: number, burst: number]> = (raw) => {
  const [, rate = "", burst = ""] = /^(\d{1,9})(?:\s*,\s*(\d{1,9}))?$/.exec(raw) ?? []
  if (rate === "") return Result.fail("a rate, or a rate and a burst as in 100,500")
  return Result.succeed([Number(rate), burst === "" ? Number(rate) * 5 : Math.max(1, Number(burst))])
}

export function mapped<A, B>(parse: Parse<A>, change: (value: A) => B): Parse<B> {
  return (raw) => Result.map(parse(raw), change)
}
