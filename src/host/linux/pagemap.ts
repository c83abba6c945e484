import { AT_FDCWD, O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import { check } from "./ffi/call.ts";
import { libcClose, libcOpenat, libcPread } from "./ffi/libc.ts";
import { procPath } from "./proc-file.ts";

/** Documentation/admin-guide/mm/pagemap.rst: 8 bytes a page; bits of the upper half. */
const ENTRY = 8;
const PRESENT = 0x8000_0000;
const EXCLUSIVE = 0x0100_0000;

const buffer = Buffer.alloc(64 * 1024);

export interface Resident {
  readonly resident: number;
  readonly exclusive: number;
}

/** How many of the pages [start, end) are resident, and how many of these only this process has mapped. */
export function residentWithin(pid: number, start: number, end: number): Resident {
  const fd = check(libcOpenat(AT_FDCWD, procPath(pid, "pagemap"), O_RDONLY | O_CLOEXEC, 0), `pagemap of ${pid}`);
  let resident = 0;
  let exclusive = 0;
  try {
    for (let at = start; at < end; ) {
      const wanted = Math.min(buffer.length, (end - at) * ENTRY);
      const count = check(libcPread(fd, buffer, wanted, at * ENTRY), `pagemap of ${pid}`);
      if (count === 0) break;
      for (let i = 0; i < count; i += ENTRY) {
        const upper = buffer.readUInt32LE(i + 4);
        if ((upper & PRESENT) === 0) continue;
        resident++;
        if ((upper & EXCLUSIVE) !== 0) exclusive++;
      }
      at += count / ENTRY;
    }
  } finally {
    libcClose(fd);
  }
  return { resident, exclusive };
}
