/**
 * A guest's mailbox as the decisions of the guest's tag write it: one stream of what concerns that guest alone, of all
 * domains, in one order. What an entry says is the domain's that puts it there; bringing it to the phone is Mailbox's.
 */
import { MailTold } from "../../../gen/noriter/runner/v1/mailbox.ts"
import type { Decision, DecisionState } from "../../bus/Decider.ts"
import { sessionKey } from "../../space/PresenceWrites.ts"

/** A guest's stream of what concerns them alone. */
export const mailboxStream = "mailbox"
/** Entries a mailbox keeps (rule C4). */
export const mailboxMax = 200

/** What a decision that puts something into a mailbox reads: the session names the incarnation that is told (rule C2). */
export const mailReads: ReadonlyArray<string> = [sessionKey]

/** Puts an entry into the mailbox of this tag and tells whoever holds the guest's session. */
export const mailed = (
  state: DecisionState,
  entry: Pick<MailTold, "guest" | "atMs" | "body">
): Required<Pick<Decision, "appends" | "tell">> => {
  const mail: MailTold = {
    $type: "noriter.runner.v1.MailTold",
    incarnation: "",
    seq: state.seq,
    prev: state.head(mailboxStream),
    ...entry
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
