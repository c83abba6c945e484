import { O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import { CAP_SYS_ADMIN, PR_SET_NO_NEW_PRIVS } from "../../core/abi/prctl.ts";
import {
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_SET_MODE_FILTER,
  SOCK_FILTER_SIZE,
} from "../../core/abi/seccomp.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { buildFilter, canRepair } from "../../core/notify/filter.ts";
import { check } from "../linux/ffi/call.ts";
import { addressOf, libcClose, libcOpen, libcPrctl, libcSeccomp } from "../linux/ffi/libc.ts";
import { hostArch } from "../linux/host-arch.ts";
import { effectiveCapabilities } from "../linux/probes.ts";

const PR_SET_PTRACER = 0x5961_6d61;

/** A descriptor number that is kept free for the listener. */
export function reserveDescriptor(): number {
  return check(libcOpen("/dev/null", O_RDONLY | O_CLOEXEC, 0), "/dev/null");
}

/** struct sock_fprog. */
function program(filter: Uint8Array): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(filter.length / SOCK_FILTER_SIZE, 0);
  bytes.writeBigUInt64LE(BigInt(addressOf(filter)), 8);
  return bytes;
}

function installWith(flags: number, repair: boolean): number {
  const filter = buildFilter(hostArch(), repair && canRepair(hostArch()));
  return check(libcSeccomp(hostArch().sysSeccomp, SECCOMP_SET_MODE_FILTER, flags, program(filter)), "seccomp");
}

/** Lets process `pid` take descriptors of this one, and look at it, where Yama lets only ancestors. */
export function allowTracer(pid: number): void {
  // Fails where there is no Yama, and then nothing is in the way.
  libcPrctl(PR_SET_PTRACER, pid, 0, 0, 0);
}

/**
 * Puts the calling thread under the filter with its listener at `reserved`. From here on its calls wait for the accountant, which
 * is to take it; `repair`: it is to hear of handlers as well. EBUSY where another program supervises this one's calls.
 */
export function filterSelf(reserved: number, repair = true): void {
  if (((effectiveCapabilities() >> BigInt(CAP_SYS_ADMIN)) & 1n) === 0n) {
    check(libcPrctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
  }
  // The listener gets the lowest number that is free: no other may be.
  let filler: number;
  do filler = reserveDescriptor();
  while (filler < reserved);
  libcClose(reserved);
  const fd = install(repair);
  if (fd !== reserved) throw new Errno("EIO", `the listener is descriptor ${fd} and not ${reserved}`);
}

function install(repair: boolean): number {
  const flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  try {
    return installWith(flags, repair);
  } catch (error) {
    if (isErrno(error, "EBUSY")) {
      throw new Errno("EBUSY", "another program supervises the calls of this one; there can be only one such program");
    }
    // Linux before 5.19: a signal makes a call start again.
    if (!isErrno(error, "EINVAL")) throw error;
    return installWith(SECCOMP_FILTER_FLAG_NEW_LISTENER, repair);
  }
}
