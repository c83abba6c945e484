import { Errno } from "../../base/errno.ts";
import { fromLatin1, latin1 } from "../../base/text.ts";
import type { Handle } from "../../vfs/node.ts";
import { mayDebug, type OpenContext, type ProcFile } from "../file.ts";
import type { AddressSpace, Process } from "../ports.ts";

/** Who has a process's memory open for writing. Dropped with the process. */
interface Writers {
  count: number;
  exclusive: boolean;
}

const writersOf = new WeakMap<Process, Writers>();

/** O_EXCL asks to be the only writer; readers are never refused. EBUSY. Semantics section 9.3. */
function claimWriter({ process, mode }: OpenContext): () => void {
  if (!mode.write) return () => {};
  const writers = writersOf.get(process) ?? { count: 0, exclusive: false };
  if (writers.exclusive) throw new Errno("EBUSY", `memory of ${process.pid} is open for exclusive writing`);
  if (mode.exclusive && writers.count > 0) throw new Errno("EBUSY", `memory of ${process.pid} has a writer already`);
  writersOf.set(process, writers);
  writers.count++;
  writers.exclusive = mode.exclusive;
  return () => {
    writers.count--;
    writers.exclusive = false;
  };
}

function checkOffset(offset: number): void {
  if (!(offset >= 0)) throw new Errno("EINVAL", `negative address ${offset}`);
}

function openMem(context: OpenContext): Handle {
  const { process, opener, mode, ports, options } = context;
  const { top, pageSize } = ports.memory;
  const space: AddressSpace = ports.memory.open(process, opener);
  const memo = latin1(space.image);
  let release: () => void;
  try {
    const was = mode.resumed?.memo;
    if (was && fromLatin1(was) !== space.image)
      throw new Errno("ESTALE", `process ${process.pid} has executed another program since`);
    release = claimWriter(context);
  } catch (error) {
    space.close();
    throw error;
  }

  /** Page by page from the first hole on: what cannot be read is zero, up to the end of the buffer. */
  const readAcrossHoles = (address: number, into: Uint8Array): number => {
    let done = 0;
    while (done < into.length) {
      const at = address + done;
      const end = Math.min(into.length, done + pageSize - (at % pageSize));
      const part = into.subarray(done, end);
      try {
        const count = space.read(at, part);
        if (typeof count !== "number") throw new Errno("EFAULT", "page is served by another file system");
        done += count;
        if (count === part.length) continue;
      } catch (error) {
        if (!(error instanceof Errno && error.code === "EFAULT")) throw error;
      }
      into.fill(0, done, end);
      done = end;
    }
    return done;
  };

  return {
    memo,
    repeats: () => true,
    read(caller, offset, into) {
      if (into.length === 0) return 0;
      checkOffset(offset);
      mayDebug(context, caller);
      if (offset >= top) return 0;
      const room = offset + into.length > top ? into.subarray(0, top - offset) : into;
      return options.holes === "zero" ? readAcrossHoles(offset, room) : space.read(offset, room);
    },
    write(caller, offset, data) {
      if (data.length === 0) return 0;
      checkOffset(offset);
      mayDebug(context, caller);
      if (offset >= top) throw new Errno("EFAULT", `no memory at 0x${offset.toString(16)}`);
      return space.write(offset, offset + data.length > top ? data.subarray(0, top - offset) : data);
    },
    close() {
      release();
      space.close();
    },
  };
}

export const mem: ProcFile = {
  name: "mem",
  kind: "file",
  slot: 3,
  mode: 0o600,
  doc: "the memory: the offset is the virtual address",
  size: (process) => process.size(),
  open: openMem,
};
