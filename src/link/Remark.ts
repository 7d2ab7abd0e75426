/** What ServerReport says of a server. Its own file because each server's part of the report says it. */
export interface Said {
  /** `wrong`: Noriter does not work with it. `note`: it does, but something may be lost. */
  readonly verdict: "fine" | "note" | "wrong"
  readonly detail: string
}

export interface Remark extends Said {
  readonly server: "redis" | "kafka" | "zookeeper"
}
