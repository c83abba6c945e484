/** One mapping as /proc/pid/maps tells it, proc_pid_maps(5). */
export interface MapsEntry {
  readonly start: number;
  readonly end: number;
  /** `rwxp`, `s` for shared. */
  readonly rights: string;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  /** `major:minor`, hexadecimal. */
  readonly device: string;
  readonly inode: number;
  /** Empty for anonymous memory. */
  readonly path: string;
}

/** The same as /proc/pid/smaps tells it, proc_pid_smaps(5). */
export interface SmapsEntry extends MapsEntry {
  /** Of VmFlags: two letters each, a blank behind each. */
  readonly flags: string;
  /** The lines between: `Rss:` and others. */
  readonly figures: string;
}

const FLAGS = "\nVmFlags: ";

/** The mappings in order. Text that ends early, as that of a process which goes meanwhile, gives those that are whole. */
export function parseSmaps(text: string): SmapsEntry[] {
  const entries: SmapsEntry[] = [];
  for (let at = 0; at < text.length; ) {
    const headEnd = text.indexOf("\n", at);
    const flagsAt = text.indexOf(FLAGS, headEnd);
    if (headEnd < 0 || flagsAt < 0) break;
    const end = text.indexOf("\n", flagsAt + 1);
    const flags = text.slice(flagsAt + FLAGS.length, end < 0 ? undefined : end);
    entries.push({ ...parseHead(text.slice(at, headEnd)), flags, figures: text.slice(headEnd + 1, flagsAt + 1) });
    at = end < 0 ? text.length : end + 1;
  }
  return entries;
}

/** The mappings that have a name, in order, from the text of /proc/pid/maps. */
export function parseNamedMaps(text: string): MapsEntry[] {
  return text
    .split("\n")
    .filter((line) => line.includes("/") || line.includes("["))
    .map(parseHead);
}

/** The mapping that holds `address`, from the same text; undefined where there is none. */
export function mappingAt(text: string, address: number): MapsEntry | undefined {
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const entry = parseHead(line);
    if (address >= entry.start && address < entry.end) return entry;
  }
  return undefined;
}

/** The path may hold blanks: it is what follows the first five fields. */
function parseHead(line: string): MapsEntry {
  const dash = line.indexOf("-");
  const [rights = "", offset = "", device = "", inode = ""] = line.slice(line.indexOf(" ") + 1).split(" ", 4);
  const behind = line.indexOf(" ") + 1 + rights.length + offset.length + device.length + inode.length + 4;
  return {
    start: Number.parseInt(line.slice(0, dash), 16),
    end: Number.parseInt(line.slice(dash + 1, line.indexOf(" ")), 16),
    rights,
    offset: Number.parseInt(offset, 16),
    device,
    inode: Number(inode),
    path: line.slice(behind).trimStart(),
  };
}

/** Kilobytes of a figure, `Rss` or another. */
export function smapsFigure({ figures }: SmapsEntry, name: string): number {
  const at = figures.startsWith(`${name}:`) ? 0 : figures.indexOf(`\n${name}:`) + 1;
  if (at === 0 && !figures.startsWith(`${name}:`)) return 0;
  return Number.parseInt(figures.slice(at + name.length + 1), 10);
}
