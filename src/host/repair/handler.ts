import { SA_RESTART, SIG_DFL, SIG_IGN, SYNCHRONOUS_SIGNALS } from "../../core/abi/signal.ts";
import { statusMask } from "../../core/abi/text/status.ts";
import { lastErrno } from "../linux/ffi/call.ts";
import { addressOf, libcProcessVmReadv } from "../linux/ffi/libc.ts";
import { promptText } from "../linux/proc-file.ts";

const action = Buffer.alloc(16);
const local = Buffer.alloc(16);
const remote = Buffer.alloc(16);
local.writeBigUInt64LE(BigInt(addressOf(action)), 0);

/**
 * Whether the struct sigaction at `address` of a thread names a handler without SA_RESTART, after which an interrupted call fails with
 * EINTR. `word`: 4 or 8, the bytes of its words. The read may block for as long as the thread's owner likes. EFAULT, EPERM, ESRCH.
 */
export function interruptsCalls(tid: number, address: number, word: number): boolean {
  local.writeBigUInt64LE(BigInt(2 * word), 8);
  remote.writeBigUInt64LE(BigInt(address), 0);
  remote.writeBigUInt64LE(BigInt(2 * word), 8);
  if (libcProcessVmReadv(tid, local, 1, remote, 1, 0) !== 2 * word)
    throw lastErrno(`struct sigaction of thread ${tid}`);
  const at = (offset: number): bigint =>
    word === 8 ? action.readBigUInt64LE(offset) : BigInt(action.readUInt32LE(offset));
  const handler = at(0);
  if (handler === BigInt(SIG_DFL) || handler === BigInt(SIG_IGN)) return false;
  return (at(word) & BigInt(SA_RESTART)) === 0n;
}

const SYNCHRONOUS = SYNCHRONOUS_SIGNALS.reduce((mask, signal) => mask | (1n << BigInt(signal - 1)), 0n);

/** Whether a process has a handler for any signal that can come while it waits in a call (SigCgt). ENOENT, ESRCH. */
export function catchesSignals(pid: number): boolean {
  const caught = statusMask(promptText(pid, "status"), "SigCgt");
  return (caught & ~SYNCHRONOUS) !== 0n;
}
