/** The fault matrix: every row that can be run, in its order. */
import type { Row } from "../Scene.ts"
import { phones } from "./Phones.ts"
import { runners } from "./Runners.ts"

export const rows: ReadonlyArray<Row> = [...runners, ...phones].toSorted((one, other) => (one.id < other.id ? -1 : 1))
