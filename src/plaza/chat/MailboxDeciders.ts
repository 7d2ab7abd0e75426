/**
 * What a guest's tag takes into its mailbox of chat: whispers. Each comes from another tag's decision and is taken in
 * once, by its source (rule L4); nobody is asked, so nobody is answered.
 */
import type { GuestAskedConsumer } from "../../../gen/consumers.ts"
import { mailed, mailReads } from "../mailbox/MailStream.ts"
import { blocksKey, isBlocked } from "../social/Blocks.ts"

export const mailboxDeciders: GuestAskedConsumer = {
  deliver: {
    reads: () => [blocksKey, ...mailReads],
    decide: (state, { guest, member, nickname, text, atMs, speaker }) =>
      // Answered to the speaker already, who learns nothing of it.
      isBlocked(state.read, speaker)
        ? {}
        : mailed(state, {
            guest,
            atMs,
            body: { $case: "whisper", value: { $type: "noriter.runner.v1.WhisperMail", member, nickname, text } }
          }),
    asker: () => undefined
  }
}
