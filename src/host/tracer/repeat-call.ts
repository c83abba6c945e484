import type { Arch } from "../../core/abi/arch/arch.ts";
import type { Tid } from "../../core/base/brand.ts";
import type { CallRepair } from "../../core/trace/restart.ts";
import { setRegisters, sizedRegisters } from "./live-ptrace.ts";

/**
 * Has a thread that is stopped before a signal's delivery make the call again that the signal has interrupted, where `repair` knows it
 * for one that waited to be received. True when there was one. ESRCH.
 */
export function repeatCall(tid: Tid, arch: Arch, repair: CallRepair): boolean {
  const registers = sizedRegisters(tid, arch);
  if (!repair.repeat(registers)) return false;
  setRegisters(tid, arch, registers);
  return true;
}
