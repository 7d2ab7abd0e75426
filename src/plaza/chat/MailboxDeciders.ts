/**
 * What a guest's tag takes into its mailbox. Each comes from another tag's decision and is taken in once, by its source
 * (rule L4); nobody is asked, so nobody is answered.
 */
import type { GuestAskedConsumer } from "../../../gen/consumers.ts"
import { MailTold } from "../../../gen/noriter/runner/v1/mailbox.ts"
import type { WhisperPassed } from "../../../gen/noriter/topic/v1/chat.ts"
import type { Decision, DecisionState } from "../../bus/Decider.ts"
import { sessionKey } from "../../space/PresenceWrites.ts"

/** A guest's stream of what concerns them alone. */
export const mailboxStream = "mailbox"
/** Entries a mailbox keeps (rule C4). */
export const mailboxMax = 200

export const mailboxDeciders: GuestAskedConsumer = {
  deliver: {
    // The session names the incarnation that is told (rule C2).
    reads: () => [sessionKey],
    decide: (state, whisper) => decideDelivery(state, whisper),
    asker: () => undefined
  }
}

const decideDelivery = (state: DecisionState, whisper: WhisperPassed): Decision => {
  const { guest, member, nickname, text, atMs } = whisper
  const mail: MailTold = {
    $type: "noriter.runner.v1.MailTold",
    incarnation: "",
    guest,
    seq: state.seq,
    prev: state.head(mailboxStream),
    atMs,
    body: { $case: "whisper", value: { $type: "noriter.runner.v1.WhisperMail", member, nickname, text } }
  }
  const incarnation = state.ownerOf(sessionKey)
  return {
    appends: [
      {
        stream: mailboxStream,
        class: "mail",
        value: MailTold.encode(mail).finish(),
        countMax: mailboxMax,
        ageMsMax: 0
      }
    ],
    tell: incarnation === undefined ? [] : [{ ...mail, incarnation }]
  }
}
