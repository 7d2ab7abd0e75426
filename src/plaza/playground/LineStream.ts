/** A channel's stream of lines, and how much of it is kept (rule C4): in the shared space, and in each view. */
export const linesStream = "lines"
/** How long a line is kept, against the newest. */
export const lineAgeMsMax = 60_000
/** PLAYGROUND lines kept. */
export const playgroundLinesMax = 1_500
/** NEARBY lines kept, apart from the others. */
export const nearbyLinesMax = 12_000
/** PLAYGROUND lines told on entering (wire.md). */
export const historyLinesMax = 50
