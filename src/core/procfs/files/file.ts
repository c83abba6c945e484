import { mapOutcome } from "../../vfs/parked.ts";
import type { ProcFile, ProcLink } from "../file.ts";

export const file: ProcLink = {
  name: "file",
  kind: "link",
  slot: 2,
  mode: 0o777,
  doc: "the executable itself, as a symbolic link",
  target: (process, caller) => process.executable(caller),
};

/** The same for a transport whose clients would follow the link on a host of their own. */
export const fileContents: ProcFile = {
  name: file.name,
  kind: "file",
  slot: file.slot,
  mode: 0o555,
  doc: file.doc,
  open: ({ process, opener, ports }) =>
    mapOutcome(ports.executables.open(process, opener), (executable) => ({
      read: (_caller, offset, into) => executable.read(offset, into),
      close: () => executable.close(),
    })),
};
