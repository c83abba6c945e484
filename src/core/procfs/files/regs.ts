import { copyOf } from "../../base/bytes.ts";
import { Errno } from "../../base/errno.ts";
import type { Handle } from "../../vfs/node.ts";
import { chainOutcome, mapOutcome } from "../../vfs/parked.ts";
import { readSlice } from "../../vfs/slice.ts";
import { mayDebug, type OpenContext, type ProcFile } from "../file.ts";
import type { RegisterSet } from "../ports.ts";

function openRegs(context: OpenContext, set: RegisterSet): Handle {
  const { process, tid, opener, ports } = context;
  const size = ports.tracer.registerSizes[set];
  const checkRange = (offset: number): void => {
    if (!(offset >= 0 && offset <= size)) throw new Errno("EINVAL", `offset ${offset} is outside the ${size} bytes`);
  };
  return {
    repeats: () => true,
    read(caller, offset, into) {
      checkRange(offset);
      return chainOutcome(mayDebug(context, caller), (actor) => {
        if (offset === size || into.length === 0) return 0;
        const registers = ports.tracer.readRegisters(process, [actor, opener], { set, tid });
        return mapOutcome(registers, (bytes) => readSlice(bytes, offset, into));
      });
    },
    write(caller, offset, data) {
      checkRange(offset);
      const copy = copyOf(data);
      return chainOutcome(mayDebug(context, caller), (actor) => {
        if (offset + copy.length > size) throw new Errno("EINVAL", `more than the ${size} bytes of the register set`);
        if (copy.length === 0) return 0;
        return mapOutcome(
          ports.tracer.writeRegisters(process, [actor, opener], { set, offset, data: copy, tid }),
          () => copy.length,
        );
      });
    },
  };
}

export const regs: ProcFile = {
  name: "regs",
  kind: "file",
  slot: 4,
  mode: 0o600,
  doc: "the general registers of the current thread, in the kernel's layout",
  open: (context) => openRegs(context, "general"),
};

export const fpregs: ProcFile = {
  name: "fpregs",
  kind: "file",
  slot: 27,
  mode: 0o600,
  doc: "the floating-point registers of the current thread, in the kernel's layout",
  open: (context) => openRegs(context, "floating"),
};

export const dbregs: ProcFile = {
  name: "dbregs",
  kind: "file",
  slot: 31,
  mode: 0o400,
  doc: "the debug registers of the current thread: eight 64-bit words, four addresses, status and control in the last two",
  open: (context) => openRegs(context, "debug"),
};
