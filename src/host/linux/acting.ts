import { Errno } from "../../core/base/errno.ts";
import { check } from "./ffi/call.ts";
import { libcCapget, libcCapset, libcSetfsgid, libcSetfsuid } from "./ffi/libc.ts";

/** linux/capability.h: version 3, two 32-bit words a set; effective, permitted, inheritable follow each other per word. */
const LINUX_CAPABILITY_VERSION_3 = 0x2008_0522;
const header = new Uint8Array(8);
new DataView(header.buffer).setUint32(0, LINUX_CAPABILITY_VERSION_3, true);
const EFFECTIVE_WORDS = [0, 12] as const;

/** The identity for the kernel's permission checks: the daemon's own, or that of a user without capabilities. */
export type Role = "own" | { readonly uid: number; readonly gid: number };

interface Capabilities {
  readonly own: Uint8Array;
  readonly reduced: Uint8Array;
}

const ownUid = process.geteuid!();
const ownGid = process.getegid!();

/** The state of this thread: each worker has its own instance of this module. */
let capabilities: Capabilities | undefined;

function ownCapabilities(): Capabilities {
  if (capabilities) return capabilities;
  const own = new Uint8Array(24);
  check(libcCapget(header, own), "capget");
  const reduced = own.slice();
  const words = new DataView(reduced.buffer);
  for (const at of EFFECTIVE_WORDS) words.setUint32(at, 0, true);
  capabilities = { own, reduced };
  return capabilities;
}

/** The daemon's effective capabilities as a bit set. */
export function ownEffective(): bigint {
  const words = new DataView(ownCapabilities().own.buffer);
  return BigInt(words.getUint32(0, true)) | (BigInt(words.getUint32(12, true)) << 32n);
}

/**
 * Runs `act` as `role`. Only the calling thread changes: the three calls are per thread, and the real and saved ids stay the
 * daemon's, so that whoever is acted for gains no right over the daemon.
 */
export function actAs<T>(role: Role, act: () => T): T {
  if (role === "own") return act();
  // Now: the kernel takes capabilities away with the file-system uid.
  ownCapabilities();
  libcSetfsgid(role.gid);
  libcSetfsuid(role.uid);
  try {
    return withoutCapabilities(act);
  } finally {
    libcSetfsuid(ownUid);
    libcSetfsgid(ownGid);
  }
}

/** Runs `act` on this thread without any effective capability. */
export function withoutCapabilities<T>(act: () => T): T {
  const { own, reduced } = ownCapabilities();
  check(libcCapset(header, reduced), "capset");
  try {
    return act();
  } finally {
    check(libcCapset(header, own), "capset");
  }
}

/** EPERM: a daemon that is not root cannot act as another user. */
export function cannotActFor(uid: number): Errno {
  return new Errno("EPERM", `this mount belongs to uid ${ownUid} and cannot act for uid ${uid}`);
}
