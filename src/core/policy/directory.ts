/** Who there is, as passwd(5) and group(5) say. */
export interface Directory {
  uidOf(name: string): number | undefined;
  gidOf(name: string): number | undefined;
  nameOf(uid: number): string | undefined;
  /** Whose primary group it is, and whom it lists. */
  membersOf(gid: number): ReadonlySet<number>;
}

const ID = /^\d+$/;

/** From the text of both files, one character a byte. Of a name or id that is there twice the first line counts, as in libc. */
export function readDirectory(passwd: string, group: string): Directory {
  const uids = new Map<string, number>();
  const names = new Map<number, string>();
  const gids = new Map<string, number>();
  const members = new Map<number, Set<number>>();
  const setOf = (gid: number): Set<number> => {
    const found = members.get(gid) ?? new Set();
    members.set(gid, found);
    return found;
  };
  for (const [name, , uid, gid] of rows(passwd)) {
    if (!name || uids.has(name) || !ID.test(uid ?? "")) continue;
    uids.set(name, Number(uid));
    if (!names.has(Number(uid))) names.set(Number(uid), name);
    if (ID.test(gid ?? "")) setOf(Number(gid)).add(Number(uid));
  }
  for (const [name, , gid, list = ""] of rows(group)) {
    if (!name || !ID.test(gid ?? "")) continue;
    if (!gids.has(name)) gids.set(name, Number(gid));
    for (const member of list.split(",")) {
      const uid = uids.get(member.trim());
      if (uid !== undefined) setOf(Number(gid)).add(uid);
    }
  }
  return {
    uidOf: (name) => uids.get(name),
    gidOf: (name) => gids.get(name),
    nameOf: (uid) => names.get(uid),
    membersOf: (gid) => members.get(gid) ?? new Set(),
  };
}

const rows = (text: string): string[][] => text.split("\n").map((line) => line.split(":"));
