/** Why something was refused, in a person's words. Owns nothing. */
import type { PlazaError } from "@noriter/client"
import type { Words } from "../Words.ts"

export function reasonOf(words: Words, { code, definite }: PlazaError): string {
  if (code === "ERROR_CODE_RATE_LIMITED") return words.tooFast
  if (code === "ERROR_CODE_MEMBER_GONE") return words.memberGone
  if (code === "ERROR_CODE_CHANNEL_FULL") return words.channelFull
  if (code === "ERROR_CODE_NOT_ENOUGH") return words.noFlowers
  if (code === "ERROR_CODE_UNAVAILABLE") return words.away
  return definite ? words.notSaid : words.uncertain
}
