import { copyOf } from "../../base/bytes.ts";
import { Errno } from "../../base/errno.ts";
import { fromLatin1, latin1 } from "../../base/text.ts";
import type { Handle } from "../../vfs/node.ts";
import { chainOutcome, mapOutcome, type Outcome, Parked } from "../../vfs/parked.ts";
import { perform, type Steps, step } from "../../vfs/steps.ts";
import { mayDebug, type OpenContext, type ProcFile } from "../file.ts";
import { withoutPatches } from "../patched-memory.ts";
import type { AddressSpace, Process } from "../ports.ts";

/** Who has a process's memory open for writing. Dropped with the process. */
interface Writers {
  count: number;
  exclusive: boolean;
}

const writersOf = new WeakMap<Process, Writers>();

/** O_EXCL asks to be the only writer; readers are never refused. EBUSY. docs/semantics.md, "One writer of mem". */
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

/** Page by page from the first hole on: what cannot be read is zero, up to the end of the buffer. */
function* readAcrossHoles(space: AddressSpace, pageSize: number, address: number, into: Uint8Array): Steps<number> {
  for (let done = 0; done < into.length; ) {
    const at = address + done;
    const end = Math.min(into.length, done + pageSize - (at % pageSize));
    const part = into.subarray(done, end);
    try {
      const count = yield* step(space.read(at, part));
      done += count;
      if (count === part.length) continue;
    } catch (error) {
      if (!(error instanceof Errno && error.code === "EFAULT")) throw error;
    }
    into.fill(0, done, end);
    done = end;
  }
  return into.length;
}

function openMem(context: OpenContext): Outcome<Handle> {
  const { ports, process, opener } = context;
  return mapOutcome(ports.memory.open(process, opener), (memory) => {
    const space = withoutPatches(memory, process, ports.breakpoints);
    try {
      const was = context.mode.resumed?.memo;
      if (was && fromLatin1(was) !== space.image)
        throw new Errno("ESTALE", `process ${process.pid} has executed another program since`);
      return memHandle(context, space, claimWriter(context));
    } catch (error) {
      space.close();
      throw error;
    }
  });
}

function memHandle(context: OpenContext, space: AddressSpace, release: () => void): Handle {
  const { ports, options } = context;
  const { top, pageSize } = ports.memory;
  return {
    memo: latin1(space.image),
    repeats: () => true,
    read(caller, offset, into) {
      if (into.length === 0) return 0;
      checkOffset(offset);
      return chainOutcome(mayDebug(context, caller), () => {
        if (offset >= top) return 0;
        const room = offset + into.length > top ? into.subarray(0, top - offset) : into;
        return options.holes === "zero"
          ? perform(readAcrossHoles(space, pageSize, offset, room))
          : space.read(offset, room);
      });
    },
    write(caller, offset, data) {
      if (data.length === 0) return 0;
      checkOffset(offset);
      const room = Math.min(data.length, Math.max(0, top - offset));
      const send = (bytes: Uint8Array): Outcome<number> => {
        if (offset >= top) throw new Errno("EFAULT", `no memory at 0x${offset.toString(16)}`);
        return space.write(offset, bytes);
      };
      const allowed = mayDebug(context, caller);
      if (!(allowed instanceof Parked)) return send(data.subarray(0, room));
      const copy = copyOf(data.subarray(0, room));
      return chainOutcome(allowed, () => send(copy));
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
