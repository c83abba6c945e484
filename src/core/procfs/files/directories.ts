import type { ProcLink } from "../file.ts";

/** A symbolic link to a directory of the process. The kernel decides whether who follows it may. */
function directory(name: "cwd" | "root", slot: number, doc: string): ProcLink {
  return {
    name,
    kind: "link",
    slot,
    mode: 0o777,
    doc,
    target: (process, caller, { inspection }) => inspection.directory(process, caller, name),
  };
}

export const cwd: ProcLink = directory("cwd", 21, "the working directory, as a symbolic link");
export const root: ProcLink = directory("root", 22, "the root directory, as a symbolic link");
