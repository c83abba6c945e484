import { readFileSync } from "node:fs";

/** A line of /proc/self/mountinfo, proc_pid_mountinfo(5). */
export interface MountEntry {
  /** `major:minor` of what is mounted. */
  readonly device: string;
  readonly dir: string;
  readonly type: string;
  readonly source: string;
  /** Of the file system itself, not of this mount: `hidepid=invisible`. */
  readonly options: readonly string[];
}

/** `\040` and the like stand for blanks in the mount table. */
function unescapeBlanks(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export function readMountTable(): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of readFileSync("/proc/self/mountinfo", "utf8").split("\n")) {
    const fields = line.split(" ");
    const separator = fields.indexOf("-", 6);
    if (separator < 0) continue;
    entries.push({
      device: fields[2]!,
      dir: unescapeBlanks(fields[4]!),
      type: fields[separator + 1]!,
      source: unescapeBlanks(fields[separator + 2] ?? ""),
      options: (fields[separator + 3] ?? "").split(","),
    });
  }
  return entries;
}

/** The topmost mount exactly at `dir`, an absolute path without links. */
export function mountAt(dir: string): MountEntry | undefined {
  return readMountTable().findLast((entry) => entry.dir === dir);
}
