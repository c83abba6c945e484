import type { NodeStat } from "../app/tree-client.ts";
import type { Names } from "./names.ts";

export interface LsEntry {
  readonly name: string;
  readonly stat: NodeStat;
  /** Where a link points, if it could be read. */
  readonly target?: string;
}

export interface LsFlags {
  readonly long: boolean;
  readonly inode: boolean;
}

const TYPE_LETTER = { dir: "d", file: "-", link: "l" } as const;

/** `drwxr-xr-x`. */
export function modeString({ kind, mode }: Pick<NodeStat, "kind" | "mode">): string {
  const bits = [...mode.toString(8).padStart(3, "0").slice(-3)].map(Number);
  const letters = bits.map((b) => `${b & 4 ? "r" : "-"}${b & 2 ? "w" : "-"}${b & 1 ? "x" : "-"}`);
  return TYPE_LETTER[kind] + letters.join("");
}

function dateString(timeMs: number): string {
  const [, month, day, , time] = new Date(timeMs).toString().split(" ");
  return `${month} ${day!.replace(/^0/, " ")} ${time!.slice(0, 5)}`;
}

/** Lines as ls(1) prints them for a directory: with `long` a `total` of 512-byte blocks first. */
export function formatDirectory(entries: readonly LsEntry[], flags: LsFlags, names: Names): string[] {
  const blocks = entries.reduce((sum, { stat }) => sum + Math.ceil(stat.size / 512), 0);
  return [...(flags.long ? [`total ${blocks}`] : []), ...formatEntries(entries, flags, names)];
}

/** One line an entry, columns aligned. */
export function formatEntries(entries: readonly LsEntry[], flags: LsFlags, names: Names): string[] {
  return align(
    entries.map(({ name, stat, target }) => [
      ...(flags.inode ? [String(stat.ino)] : []),
      ...(flags.long ? longColumns(stat, names) : []),
      target === undefined || !flags.long ? name : `${name} -> ${target}`,
    ]),
  );
}

function longColumns(stat: NodeStat, names: Names): string[] {
  const { nlink, uid, gid, size, timeMs } = stat;
  return [modeString(stat), String(nlink), names.user(uid), names.group(gid), String(size), dateString(timeMs)];
}

/** Numbers to the right, everything else to the left; the last column as it is. */
function align(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.length ?? 0;
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => {
        if (i === columns - 1) return cell;
        return /^\d+$/.test(cell) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!);
      })
      .join(" "),
  );
}
