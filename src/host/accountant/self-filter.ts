import { O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import { CAP_SYS_ADMIN, PR_SET_NO_NEW_PRIVS } from "../../core/abi/prctl.ts";
import {
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_SET_MODE_FILTER,
  SOCK_FILTER_SIZE,
} from "../../core/abi/seccomp.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { buildFilter, canRepair } from "../../core/trap/filter.ts";
import { check } from "../linux/ffi/call.ts";
import { addressOf, libcClose, libcOpen, libcPrctl, libcSeccomp } from "../linux/ffi/libc.ts";
import { hostArch } from "../linux/host-arch.ts";
import { effectiveCapabilities } from "../linux/probes.ts";

const PR_SET_PTRACER = 0x5961_6d61;

/** Reserves a descriptor number for the listener, by an open /dev/null. Errno. */
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

/** Lets process `pid` copy descriptors of this process and read it, where Yama allows that to ancestors only. */
export function allowTracer(pid: number): void {
  // Fails on a kernel without Yama, which needs no permission.
  libcPrctl(PR_SET_PTRACER, pid, 0, 0, 0);
}

/**
 * Installs the filter on the calling thread; its listener becomes descriptor `reserved`. From here on trapped calls wait for the
 * accountant, which copies the listener. `repair`: calls that install signal handlers are trapped, too. EBUSY: another program has a
 * listener already.
 */
export function filterSelf(reserved: number, repair = true): void {
  if (((effectiveCapabilities() >> BigInt(CAP_SYS_ADMIN)) & 1n) === 0n) {
    check(libcPrctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
  }
  // The kernel gives the listener the lowest free number: every lower one is taken before `reserved` is closed.
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
    // Linux before 5.19 has no WAIT_KILLABLE_RECV: there a signal interrupts a call that was received, and restarts it.
    if (!isErrno(error, "EINVAL")) throw error;
    return installWith(SECCOMP_FILTER_FLAG_NEW_LISTENER, repair);
  }
}
