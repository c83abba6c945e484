import type { Summary } from "./summary.ts";

/** What is added to what was needed. */
const MARGIN = 0.1;
/** A limit is a whole number of these: bytes. */
const STEP = 1 << 20;

/** A limit for a uid, and what it is made of; bytes. */
export interface Suggestion {
  readonly uid: number;
  readonly limit: number;
  /** The most that the uid had, and when that was told: milliseconds since 1970. */
  readonly peak: number;
  readonly peakMs: number;
  /** The most that would have been in use had the calls that the uid's limit refused been allowed, one at a time; 0 where none was. */
  readonly refused: number;
  /** The larger of both. */
  readonly needed: number;
  readonly margin: number;
}

/** The smallest limit under which the period would have had no refusal, and a margin; undefined where nothing is known of the uid. */
export function suggestLimit({ uids, refusals }: Summary, uid: number): Suggestion | undefined {
  const known = uids.find((row) => row.uid === uid);
  if (!known) return undefined;
  const { peak, peakMs } = known;
  const refused = refusals.reduce((most, row) => (row.uid === uid ? Math.max(most, row.wanted) : most), 0);
  const needed = Math.max(peak, refused);
  if (needed === 0) return undefined;
  const limit = Math.ceil((needed * (1 + MARGIN)) / STEP) * STEP;
  return { uid, limit, peak, peakMs, refused, needed, margin: MARGIN };
}
