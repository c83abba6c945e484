import { readFileSync } from "node:fs";

/** id → name from a passwd(5) or group(5) file, one character a byte; empty where there is none. */
function readNames(file: string): Map<number, string> {
  const names = new Map<number, string>();
  let text = "";
  try {
    text = readFileSync(file, "latin1");
  } catch {
    // Without the file every id is shown as a number.
  }
  for (const line of text.split("\n")) {
    const [name, , id] = line.split(":");
    if (name && id) names.set(Number(id), name);
  }
  return names;
}

export interface Names {
  user(uid: number): string;
  group(gid: number): string;
}

export function hostNames(): Names {
  const users = readNames("/etc/passwd");
  const groups = readNames("/etc/group");
  return {
    user: (uid) => users.get(uid) ?? String(uid),
    group: (gid) => groups.get(gid) ?? String(gid),
  };
}
