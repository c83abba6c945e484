import type { Arch } from "../../core/abi/arch/arch.ts";
import { maskHas } from "../../core/abi/signal.ts";
import { statusMask } from "../../core/abi/text/status.ts";
import type { Tid } from "../../core/base/brand.ts";
import type { CallRepair } from "../../core/trace/restart.ts";
import { promptText } from "../linux/proc-file.ts";
import { setRegisters, sizedRegisters } from "./live-ptrace.ts";

const catches = (tid: Tid, signal: number): boolean => maskHas(statusMask(promptText(tid, "status"), "SigCgt"), signal);

/**
 * Has a stopped thread make the call again that has ended only because it is traced or its calls are trapped, as `repair` has it.
 * `signal` is about to be delivered, 0 where none is. True when there was one. ESRCH.
 */
export function repeatCall(tid: Tid, arch: Arch, repair: CallRepair, signal: number): boolean {
  const registers = sizedRegisters(tid, arch);
  if (!repair.repeat(registers, () => signal !== 0 && catches(tid, signal))) return false;
  setRegisters(tid, arch, registers);
  return true;
}
