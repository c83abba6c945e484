import { readFileSync } from "node:fs";
import { Errno } from "../../core/base/errno.ts";
import { type Directory, readDirectory } from "../../core/policy/directory.ts";
import { makePolicy, type Policy } from "../../core/policy/policy.ts";
import { readSettings } from "../../core/policy/rules.ts";
import { formatProblem, type Problem } from "../../core/policy/statement.ts";
import type { PolicyFile } from "./policy-files.ts";
import { readStatements } from "./statements.ts";

/** What files say, and all that is wrong with them. */
export interface ReadPolicy {
  readonly policy: Policy;
  readonly problems: readonly Problem[];
}

/** The users and groups of /etc/passwd and /etc/group, and no others: whoever would have to be asked for those could keep us waiting. */
export function hostDirectory(): Directory {
  return readDirectory(textOf("/etc/passwd"), textOf("/etc/group"));
}

/** The text of subuid(5). */
export const hostSubordinates = (): string => textOf("/etc/subuid");

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    // Then there is nobody who has a name.
    return "";
  }
}

export function readPolicy(files: readonly PolicyFile[], directory: Directory = hostDirectory()): ReadPolicy {
  const read = files.map(({ path, text }) => readStatements(path, text));
  const { settings, problems } = readSettings(read.flatMap(({ statements }) => statements));
  const made = makePolicy(settings, directory);
  return { policy: made.policy, problems: [...read.flatMap((file) => file.problems), ...problems, ...made.problems] };
}

/** The policy of these files. EINVAL where anything is wrong; `warn` gets a line for what is no more than a warning. */
export function policyOf(files: readonly PolicyFile[], warn: (line: string) => void): Policy {
  const { policy, problems } = readPolicy(files);
  const [first, ...more] = problems.filter(({ isWarning }) => !isWarning);
  if (first) {
    const others = more.length === 0 ? "" : ` (and ${more.length} more; lyonnais limits check tells all)`;
    throw new Errno("EINVAL", `${formatProblem(first)}${others}`);
  }
  for (const problem of problems) warn(formatProblem(problem));
  return policy;
}
