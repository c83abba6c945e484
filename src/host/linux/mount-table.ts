import { readFileSync } from "node:fs";
import { type MountEntry, parseMountinfo } from "../../core/abi/text/mountinfo.ts";

export function readMountTable(): MountEntry[] {
  return parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
}

/** The topmost mount exactly at `dir`, an absolute path without links. */
export function mountAt(dir: string): MountEntry | undefined {
  return readMountTable().findLast((entry) => entry.dir === dir);
}
