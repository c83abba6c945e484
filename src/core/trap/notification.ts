import type { Arch } from "../abi/arch/arch.ts";
import {
  SECCOMP_DATA_ARCH,
  SECCOMP_DATA_ARGS,
  SECCOMP_DATA_NR,
  SECCOMP_NOTIF_DATA,
  SECCOMP_NOTIF_PID,
} from "../abi/seccomp.ts";
import type { Operation } from "./operation.ts";
import { type Arguments, WATCHED_CALLS, type WatchedCall } from "./watched-calls.ts";

/** A trapped call, as the kernel tells of it in struct seccomp_notif. */
export interface TrappedCall {
  /** The thread, in the reader's pid namespace; 0 when it is not visible from there. */
  readonly tid: number;
  readonly number: number;
  /** As the program called it. */
  readonly name: string;
  readonly operation: Operation;
}

const TWO_32 = 0x1_0000_0000;

/**
 * Returns a decoder of struct seccomp_notif for the calling conventions of `arch`. The decoder returns undefined for a call that is not in
 * WATCHED_CALLS: the filter was installed by another version of this program.
 */
export function notificationDecoder(arch: Arch): (notification: DataView) => TrappedCall | undefined {
  const calls = new Map<number, Map<number, WatchedCall>>();
  for (const abi of arch.abis) {
    const byNumber = new Map<number, WatchedCall>();
    for (const call of WATCHED_CALLS) {
      const number = abi.numbers[call.name];
      if (number !== undefined) byNumber.set(number, call);
    }
    calls.set(abi.auditArch, byNumber);
  }
  // One view and one Arguments for all calls: the decoder runs for each of them and allocates only its result.
  let view: DataView;
  const word = (offset: number): number => view.getUint32(SECCOMP_NOTIF_DATA + offset, true);
  const int = (i: number): number => word(SECCOMP_DATA_ARGS + 8 * i);
  const args: Arguments = { int, long: (i) => int(i) + word(SECCOMP_DATA_ARGS + 8 * i + 4) * TWO_32 };
  return (notification) => {
    view = notification;
    const number = word(SECCOMP_DATA_NR);
    const call = calls.get(word(SECCOMP_DATA_ARCH))?.get(number);
    if (typeof call?.decode !== "function") return undefined;
    const tid = view.getUint32(SECCOMP_NOTIF_PID, true);
    return { tid, number, name: call.name, operation: call.decode(args) };
  };
}
