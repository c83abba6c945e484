import type { ProcLink } from "../file.ts";

export const file: ProcLink = {
  name: "file",
  kind: "link",
  slot: 2,
  mode: 0o777,
  doc: "the executable itself, as a symbolic link",
  target: (process, caller) => process.executable(caller),
};
