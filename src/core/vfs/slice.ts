import { Errno } from "../base/errno.ts";

/** Copies `content[offset ..]` into `into`; returns the count, 0 at or past the end. EINVAL for a negative offset. */
export function readSlice(content: Uint8Array, offset: number, into: Uint8Array): number {
  if (!(offset >= 0)) throw new Errno("EINVAL", `negative offset ${offset}`);
  if (offset >= content.length) return 0;
  const count = Math.min(into.length, content.length - offset);
  into.set(content.subarray(offset, offset + count));
  return count;
}
