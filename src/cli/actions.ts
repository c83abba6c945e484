import { readAll, type TreeClient } from "../app/tree-client.ts";
import { formatDirectory, formatEntries, type LsEntry, type LsFlags } from "./ls-format.ts";
import type { Names } from "./names.ts";

async function entryAt(client: TreeClient, path: string, name: string): Promise<LsEntry> {
  const stat = await client.stat(path);
  if (stat.kind !== "link") return { name, stat };
  try {
    return { name, stat, target: await client.readlink(path) };
  } catch {
    // ls(1) shows a link that may not be read without its target.
    return { name, stat };
  }
}

/** The lines of `ls`, one character a byte. A process that goes while it is listed is left out. */
export async function ls(client: TreeClient, path: string, flags: LsFlags, names: Names): Promise<string[]> {
  const self = await client.stat(path);
  if (self.kind !== "dir") return formatEntries([await entryAt(client, path, path)], flags, names);
  const listed = await client.list(path);
  if (!flags.long && !flags.inode) return [...listed];
  const entries: LsEntry[] = [];
  for (const name of listed) {
    try {
      entries.push(await entryAt(client, `${path}/${name}`, name));
    } catch {
      // Gone between the listing and the look.
    }
  }
  return formatDirectory(entries, flags, names);
}

/** Copies a file to `out`. A chunk that starts in unmapped memory ends it with EFAULT. */
export function cat(
  client: TreeClient,
  path: string,
  out: (bytes: Uint8Array) => void,
  stop?: AbortSignal,
): Promise<void> {
  return readAll(client, path, out, stop);
}

/** What is read of a log, as much at a time. */
const FOLLOWED = 64 * 1024;

/** Goes on reading one open file, whose reads wait for more, until it ends. */
export async function follow(client: TreeClient, path: string, out: (bytes: Uint8Array) => void): Promise<void> {
  const file = await client.open(path, { read: true, write: false });
  try {
    for (let offset = 0; ; ) {
      const bytes = await file.read(offset, FOLLOWED);
      if (bytes.length === 0) return;
      out(bytes);
      offset += bytes.length;
    }
  } finally {
    await file.close();
  }
}
