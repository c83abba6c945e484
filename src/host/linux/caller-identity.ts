import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { statusField } from "../../core/abi/text/status.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { check } from "./ffi/call.ts";
import { libcCapget, libcCapset, libcReadlinkat, libcSetfsgid, libcSetfsuid } from "./ffi/libc.ts";
import { readTextAt } from "./file.ts";

/** linux/capability.h: version 3, two 32-bit words a set; effective, permitted, inheritable follow each other per word. */
const LINUX_CAPABILITY_VERSION_3 = 0x2008_0522;
const header = new Uint8Array(8);
new DataView(header.buffer).setUint32(0, LINUX_CAPABILITY_VERSION_3, true);
const EFFECTIVE_WORDS = [0, 12] as const;

const linkText = Buffer.alloc(64);

function userNamespace(tid: string): string {
  const count = check(
    libcReadlinkat(AT_FDCWD, `/proc/${tid}/ns/user`, linkText, linkText.length),
    `user namespace of ${tid}`,
  );
  return linkText.toString("latin1", 0, count);
}

/** How long what was learned of a root caller's capabilities is believed. The caller is blocked in its request meanwhile. */
const BELIEVED_MS = 20;

/**
 * Acts as a caller towards the kernel's permission checks: the calling thread takes on its fsuid and fsgid, and only
 * those effective capabilities it really has. Only the calling thread changes: the three calls are per thread, and the
 * real and saved ids stay the daemon's, so that the caller gains no right over the daemon.
 */
export class CallerIdentity {
  readonly #uid: number = process.geteuid!();
  readonly #gid: number = process.getegid!();
  readonly #own = new Uint8Array(24);
  readonly #reduced = new Uint8Array(24);
  readonly #namespace: string = userNamespace("self");
  #lastRoot = { tid: -1, until: 0, capable: false };

  constructor() {
    check(libcCapget(header, this.#own), "capget");
    this.#reduced.set(this.#own);
    const words = new DataView(this.#reduced.buffer);
    for (const at of EFFECTIVE_WORDS) words.setUint32(at, 0, true);
  }

  /** Runs `act` as `caller`. EPERM when the daemon is not root and cannot stand in for that uid. */
  as<T>(caller: Caller, act: () => T): T {
    const capable = caller.uid === 0 && this.#rootIsCapable(caller);
    if (this.#uid !== 0) {
      // Root may do whatever the daemon's own user may; anybody else cannot be judged from here.
      if (caller.uid !== this.#uid && !capable) {
        throw new Errno("EPERM", `this mount belongs to uid ${this.#uid} and cannot act for uid ${caller.uid}`);
      }
      return act();
    }
    if (capable) return act();
    libcSetfsgid(caller.gid);
    libcSetfsuid(caller.uid);
    try {
      check(libcCapset(header, this.#reduced), "capset");
      return act();
    } finally {
      check(libcCapset(header, this.#own), "capset");
      libcSetfsuid(this.#uid);
      libcSetfsgid(this.#gid);
    }
  }

  /** Whether `caller` has everything the daemon has: its own user, or root. */
  isOwn(caller: Caller): boolean {
    return caller.uid === 0 ? this.#rootIsCapable(caller) : caller.uid === this.#uid;
  }

  /** {@link Access.recorded}. */
  recorded(caller: Caller, afresh: boolean): Caller {
    if (caller.uid !== 0 || caller.fullRoot !== undefined) return caller;
    if (afresh) this.#lastRoot.tid = -1;
    return { ...caller, fullRoot: this.#rootIsCapable(caller) };
  }

  /** Whether a caller of uid 0 is root here: all of the daemon's capabilities, in the daemon's user namespace. */
  #rootIsCapable(caller: Caller): boolean {
    if (caller.fullRoot !== undefined) return caller.fullRoot;
    const now = performance.now();
    if (this.#lastRoot.tid === caller.tid && now < this.#lastRoot.until) return this.#lastRoot.capable;
    const capable = caller.tid > 0 && this.#lookAtRoot(String(caller.tid));
    this.#lastRoot = { tid: caller.tid, until: now + BELIEVED_MS, capable };
    return capable;
  }

  #lookAtRoot(tid: string): boolean {
    try {
      if (userNamespace(tid) !== this.#namespace) return false;
      const effective = BigInt(
        `0x${statusField(readTextAt(AT_FDCWD, `/proc/${tid}/status`, `caller ${tid}`), "CapEff")}`,
      );
      return (this.#ownEffective() & ~effective) === 0n;
    } catch (error) {
      if (error instanceof Errno) return false;
      throw error;
    }
  }

  #ownEffective(): bigint {
    const words = new DataView(this.#own.buffer);
    return BigInt(words.getUint32(0, true)) | (BigInt(words.getUint32(12, true)) << 32n);
  }
}
