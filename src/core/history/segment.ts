import { latin1 } from "../base/text.ts";
import { blocksIn } from "./block.ts";

/** What every file of history begins with; blocks follow. */
export const SEGMENT_HEAD: Uint8Array = latin1("lyhist1\n");

const NAME = /^(\d{13,16})\.history$/;

/** Files are named by when they begin, milliseconds since 1970. */
export const segmentName = (timeMs: number): string => `${Math.floor(timeMs)}.history`;

/** When a file of that name begins; undefined for a file that is none of history. */
export function segmentStart(name: string): number | undefined {
  const match = NAME.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** The contents of each block of a file, up to the first that is not whole; returns how many bytes of the file are good. */
export function* blocksOfSegment(bytes: Uint8Array): Generator<Uint8Array, number> {
  if (SEGMENT_HEAD.some((byte, i) => bytes[i] !== byte)) return 0;
  return yield* blocksIn(bytes, SEGMENT_HEAD.length);
}
