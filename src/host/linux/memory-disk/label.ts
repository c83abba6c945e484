import { invariant } from "../../../core/base/assert.ts";
import type { FileHandle } from "./memory-file.ts";

/** What a loop device of ours says of itself, kept by the kernel as long as the device: no file has to be kept in step. */
export interface DiskLabel {
  /** Which daemon's it is: 8 hexadecimal digits. */
  readonly owner: string;
  /** Who pays. */
  readonly uid: number;
  /** The limit that its growth is held to: pages. */
  readonly limit: number;
  /** The memory behind it. */
  readonly file: FileHandle;
}

const LABEL = /^lymd1 ([0-9a-f]{8}) (\d+) (\d+|-) ([\w-]+)$/;
/** LO_NAME_SIZE without its final 0. */
const LONGEST = 63;

export function encodeLabel({ owner, uid, limit, file }: DiskLabel): string {
  const pages = limit === Number.POSITIVE_INFINITY ? "-" : limit;
  const text = `lymd1 ${owner} ${uid} ${pages} ${Buffer.from(file).toString("base64url")}`;
  invariant(LABEL.test(text) && text.length <= LONGEST, `memory-disk/label: ${text}`);
  return text;
}

/** undefined: not one of ours. */
export function decodeLabel(text: string): DiskLabel | undefined {
  const match = LABEL.exec(text);
  if (!match) return undefined;
  const [, owner, uid, limit, file] = match;
  return {
    owner: owner!,
    uid: Number(uid),
    limit: limit === "-" ? Number.POSITIVE_INFINITY : Number(limit),
    file: Buffer.from(file!, "base64url"),
  };
}
