/** A line of /proc/PID/mountinfo, proc_pid_mountinfo(5). */
export interface MountEntry {
  /** `major:minor` of what is mounted. */
  readonly device: string;
  readonly dir: string;
  readonly type: string;
  readonly source: string;
  /** Of the file system itself, not of this mount: `hidepid=invisible`. */
  readonly options: readonly string[];
}

/** Fields before the optional ones, of which there may be none; a lone `-` ends those. */
const FIXED_FIELDS = 6;

/** The mounts in the order of the table; a line that is cut short is left out. */
export function parseMountinfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split("\n")) {
    const fields = line.split(" ");
    const separator = fields.indexOf("-", FIXED_FIELDS);
    if (separator < 0) continue;
    entries.push({
      device: fields[2]!,
      dir: unescapeBlanks(fields[4]!),
      type: fields[separator + 1] ?? "",
      source: unescapeBlanks(fields[separator + 2] ?? ""),
      options: (fields[separator + 3] ?? "").split(","),
    });
  }
  return entries;
}

/** `\040` and the like stand for blanks in the mount table. */
function unescapeBlanks(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
