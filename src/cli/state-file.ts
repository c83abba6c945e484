import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** Where a file that outlives the command belongs, XDG_STATE_HOME; its directory is made if that is possible. */
export function stateFile(name: string): string {
  const file = join(process.env["XDG_STATE_HOME"] || join(home(), ".local", "state"), "lyonnais", name);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  } catch {
    // Opening the file will say what is wrong.
  }
  return file;
}

/** A user whom nobody knows, and who says nothing of it, has none. */
function home(): string {
  try {
    return homedir();
  } catch {
    return "/";
  }
}
