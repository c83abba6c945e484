/** How much history is kept. */
export interface Keeping {
  /** Of all files together: bytes. */
  readonly mostBytes: number;
  /** How long ago the last record of a file may be: milliseconds. */
  readonly mostMs: number;
  /** When a file is followed by another: bytes, and milliseconds since its first record. */
  readonly segmentBytes: number;
  readonly segmentMs: number;
}

const DAY = 24 * 60 * 60 * 1000;

export const KEEPING: Keeping = {
  mostBytes: 200 << 20,
  mostMs: 30 * DAY,
  segmentBytes: 1 << 20,
  segmentMs: DAY,
};

/** A file: when it begins, milliseconds since 1970, and its bytes. */
export interface Segment {
  readonly start: number;
  readonly bytes: number;
}

/** Whether what comes next goes into another file; `start` is when the clock said that this one was begun. */
export function isComplete({ start, bytes }: Segment, now: number, keeping: Keeping): boolean {
  // A clock that was set back would have one last for ever.
  return bytes >= keeping.segmentBytes || Math.abs(now - start) >= keeping.segmentMs;
}

/** Those of `segments`, in any order, that are to go. The newest stays, whatever it is. */
export function superfluous(segments: readonly Segment[], now: number, keeping: Keeping): readonly Segment[] {
  const newestFirst = [...segments].sort((a, b) => b.start - a.start);
  let bytes = 0;
  return newestFirst.filter((segment, i) => {
    bytes += segment.bytes;
    if (i === 0) return false;
    // It ends where the one behind it begins.
    const end = newestFirst[i - 1]!.start;
    return bytes > keeping.mostBytes || now - end > keeping.mostMs;
  });
}
