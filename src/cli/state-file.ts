import { homedir } from "node:os";
import { join } from "node:path";

/** Where a file that outlives the command belongs, XDG_STATE_HOME; `openPrivate` opens it, and makes its directory. */
export function stateFile(name: string): string {
  return join(process.env["XDG_STATE_HOME"] || join(home(), ".local", "state"), "lyonnais", name);
}

/** The directory in which the daemon keeps the history of its accounts. */
export const historyDir = (): string => stateFile("accounts");

/** A user whom nobody knows, and who says nothing of it, has none. */
function home(): string {
  try {
    return homedir();
  } catch {
    return "/";
  }
}
