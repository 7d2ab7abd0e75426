/**
 * Guest ids and resume tokens, both from one secret (NORITER_SECRET) and neither kept anywhere: a guest's id is an HMAC
 * of the device's secret, a token is a signed text. Whether a token is still good is the session record's to say.
 */
import { hkdfSync, timingSafeEqual } from "node:crypto"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { chance, uniqueName } from "../Chance.ts"
import { Settings } from "../Settings.ts"
import { Hmac } from "./Hmac.ts"

/** What a token says. `serial` counts the tokens of a session. */
export interface Token {
  readonly guest: string
  readonly session: string
  readonly serial: number
  readonly issuedMs: number
}

/** How long a token may be shown after it was issued: a session that lasts longer says hello again. */
export const tokenAgeMsMax = 30 * 24 * 3_600_000

export class Tokens extends Context.Service<
  Tokens,
  {
    /** The same secret is the same guest, on every runner with the same key. */
    readonly guestOf: (deviceSecret: string) => string
    readonly sign: (token: Token) => string
    /** What a token says; undefined when it is forged, garbled, of another version, or too old. */
    readonly read: (text: string, nowMs: number) => Token | undefined
  }
>()("noriter/client/Tokens") {
  static readonly layer = Layer.effect(
    Tokens,
    Effect.map(Settings, ({ secret }) =>
      makeTokens(Option.isSome(secret) ? Redacted.value(secret.value) : uniqueName() + uniqueName())
    )
  )
}

const version = "v1"

export const makeTokens = (secret: string): Tokens["Service"] => {
  // One key for each use: what is known of one says nothing of the other.
  const hmacFor = (use: string) => new Hmac(new Uint8Array(hkdfSync("sha256", secret, "", use, 32)))
  const guests = hmacFor("noriter guest id")
  const tokens = hmacFor("noriter resume token")
  const macOf = (text: string): string => tokens.of(text, "base64url")
  return {
    guestOf: (deviceSecret) => {
      idBytes.write(guests.of(deviceSecret, "binary"), "binary")
      return `g_${idText()}`
    },
    sign: ({ guest, session, serial, issuedMs }) => {
      const signed = `${version}.${Buffer.from(`${guest} ${session} ${serial} ${issuedMs}`).toString("base64url")}`
      return `${signed}.${macOf(signed)}`
    },
    read: (text, nowMs) => {
      const [read, body, mac, ...more] = text.split(".")
      if (read !== version || body === undefined || mac === undefined || more.length > 0) return undefined
      // Compared as text: what base64 would forgive is garbled, too.
      const expected = Buffer.from(macOf(`${version}.${body}`))
      const given = Buffer.from(mac)
      if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
      const [guest, session, serial, issuedMs] = Buffer.from(body, "base64url").toString().split(" ")
      if (guest === undefined || session === undefined) return undefined
      const token: Token = { guest, session, serial: Number(serial), issuedMs: Number(issuedMs) }
      return nowMs - token.issuedMs > tokenAgeMsMax ? undefined : token
    }
  }
}

/** A new session's id: opaque, and in the order of its making for whoever reads logs. */
export const newSessionId = (nowMs: number): string => {
  idBytes.writeUIntBE(nowMs, 0, 6)
  idBytes.set(chance(10), 6)
  return `s_${idText()}`
}

/** Crockford's digits: no two that a person takes for one another. */
const digits = Buffer.from("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

/** An id is made here, one after another: 16 bytes, and the digits for them. */
const idBytes = Buffer.alloc(16)
const idDigits = Buffer.alloc(26)

const idText = (): string => {
  let bits = 0
  let held = 0
  let at = 0
  for (const byte of idBytes) {
    held = (held << 8) | byte
    bits += 8
    while (bits >= 5) {
      bits -= 5
      idDigits[at++] = digits[(held >> bits) & 31] ?? 0
    }
    held &= (1 << bits) - 1
  }
  idDigits[at] = digits[(held << (5 - bits)) & 31] ?? 0
  return idDigits.toString("latin1")
}
