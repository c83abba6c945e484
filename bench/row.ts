/** One figure of the table. */
export interface BenchRow {
  readonly name: string;
  readonly value: number;
  /** `x` for a ratio of ours to the floor, `us`, `ms`, `MB`. */
  readonly unit: string;
  /** What it should be, for people. */
  readonly target?: string;
  readonly met?: boolean;
  /** Both sides in absolute figures, for people. */
  readonly detail?: string;
}
