/** A whisper in a mailbox, as the phone is told of it. */
import type { MailTold, WhisperMail } from "../../../gen/noriter/runner/v1/mailbox.ts"
import type { ServerBody } from "../../../gen/registry.ts"

export const whispered = ({ seq, atMs }: MailTold, { member, nickname, text }: WhisperMail): ServerBody => ({
  $case: "whispered",
  value: { $type: "noriter.client.v1.Whispered", seq, member, nickname, text, atMs }
})
