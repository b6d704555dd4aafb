/** A point on both axes as one table sees it: a row count and an instant in two words. */
export interface VersionPoint {
  /** System time: rows from this one on are not known yet. */
  readonly rows: number
  /** Valid time, as `highWord` and `lowWord` give it. */
  readonly high: number
  readonly low: number
}
