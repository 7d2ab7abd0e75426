/** Flowers in a mailbox, as the phone is told of them. */
import type { GiftMail, MailTold } from "../../../gen/noriter/runner/v1/mailbox.ts"
import type { ServerBody } from "../../../gen/registry.ts"

export const given = ({ seq, atMs }: MailTold, { member, nickname, kind, count }: GiftMail): ServerBody => ({
  $case: "given",
  value: { $type: "noriter.client.v1.Given", seq, member, nickname, kind, count, atMs }
})
