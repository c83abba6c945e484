import { Errno, type ErrnoName, errnoName } from "../../core/base/errno.ts";
import type { AddressSpace, Memory, Process } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import type { KernelAccess } from "./access.ts";
import { Backing } from "./backing.ts";
import { addressOf, errnoNow, libcClose, libcPread, libcProcessVmReadv, libcPwrite } from "./ffi/libc.ts";
import type { LiveProcess } from "./live-process.ts";
import { pageSize } from "./page-size.ts";

const hex = (address: number): string => `0x${address.toString(16)}`;

/** Transfers that wait on the thread pool at a time; beyond it EAGAIN, so that nobody can take the whole pool. */
const MAX_AWAY = 8;
let away = 0;

type Transfer = typeof libcPread;

/** From here on copying straight from the target's pages beats /proc/pid/mem, which copies twice. */
const BULK = 16 * 1024;
const local = Buffer.alloc(16);
const remote = Buffer.alloc(16);
const oneByte = Buffer.alloc(1);

/** As much of the range as can be read plainly; 0 when it is refused, does not start in readable memory, or is gone. */
function bulkRead(pid: number, address: number, into: Uint8Array): number {
  local.writeBigUInt64LE(BigInt(addressOf(into)), 0);
  local.writeBigUInt64LE(BigInt(into.length), 8);
  remote.writeBigUInt64LE(BigInt(address), 0);
  remote.writeBigUInt64LE(BigInt(into.length), 8);
  return Math.max(0, libcProcessVmReadv(pid, local, 1, remote, 1, 0));
}

/** /proc/pid/mem answers EIO for what is not mapped and 0 once the address space is gone. */
function checkCount(count: number, address: number, failure: ErrnoName): number {
  if (count > 0) return count;
  if (count === 0) throw new Errno("ESRCH", "the address space this descriptor was opened on is gone");
  if (failure === "EIO" || failure === "EFAULT") throw new Errno("EFAULT", `no memory at ${hex(address)}`);
  throw new Errno(failure, `memory at ${hex(address)}`);
}

class LiveAddressSpace implements AddressSpace {
  readonly image: string;
  readonly #pid: number;
  readonly #fd: number;
  readonly #backing: Backing;
  #away = 0;
  #closed = false;

  constructor(pid: number, fd: number, backing: Backing, image: string) {
    this.image = image;
    this.#pid = pid;
    this.#fd = fd;
    this.#backing = backing;
  }

  read(address: number, into: Uint8Array): Outcome<number> {
    if (this.#backing.isSafe(address, address + into.length)) {
      if (into.length >= BULK && bulkRead(this.#pid, address, into) === into.length) {
        // That went by pid: it counts only if the address space we hold is still the one in use.
        if (libcPread(this.#fd, oneByte, 1, address) === 1) return into.length;
      }
      const count = libcPread(this.#fd, into, into.length, address);
      return checkCount(count, address, count < 0 ? errnoName(errnoNow()) : "EIO");
    }
    const buffer = new Uint8Array(into.length);
    return this.#goAway(libcPread, address, buffer, (count) => into.set(buffer.subarray(0, count)));
  }

  write(address: number, data: Uint8Array): Outcome<number> {
    if (this.#backing.isSafe(address, address + data.length)) {
      const count = libcPwrite(this.#fd, data, data.length, address);
      return checkCount(count, address, count < 0 ? errnoName(errnoNow()) : "EIO");
    }
    return this.#goAway(libcPwrite, address, data.slice(), () => {});
  }

  /** The transfer on a thread of the pool: it may stand still for as long as a stranger's file system likes. */
  #goAway(transfer: Transfer, address: number, buffer: Uint8Array, done: (count: number) => void): Outcome<number> {
    if (away >= MAX_AWAY) throw new Errno("EAGAIN", "too many transfers are held up by other file systems");
    const parked = new Parked<number>();
    away++;
    this.#away++;
    transfer.async(this.#fd, buffer, buffer.length, address, (error, result) => {
      const failure = errnoName(errnoNow());
      away--;
      this.#away--;
      if (this.#closed && this.#away === 0) libcClose(this.#fd);
      if (parked.ended) return;
      try {
        if (error) throw new Errno("EIO", String(error));
        const count = checkCount(Number(result), address, failure);
        done(count);
        parked.settle(count);
      } catch (reason) {
        parked.fail(reason as Errno);
      }
    });
    return parked;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#backing.close();
    if (this.#away === 0) libcClose(this.#fd);
  }
}

const nothingThere = (pid: number): never => {
  throw new Errno("EFAULT", `process ${pid} has no memory`);
};

/** Memory through /proc/pid/mem, opened as the caller: the kernel binds the descriptor to the address space of now. */
export class LiveMemory implements Memory {
  readonly top: number;
  readonly pageSize: number = pageSize;
  readonly #access: KernelAccess;

  /** `top` is the architecture's end of user addresses. */
  constructor(access: KernelAccess, top: number) {
    this.#access = access;
    this.top = top;
  }

  open(process: Process, caller: Caller): AddressSpace {
    const live = process as LiveProcess;
    const fd = this.#access.openMemory(live, caller);
    if (fd < 0) {
      if (!live.alive()) throw new Errno("ESRCH", `process ${live.pid} has exited`);
      return { image: "", read: () => nothingThere(live.pid), write: () => nothingThere(live.pid), close: () => {} };
    }
    const { uid } = live.owner();
    return new LiveAddressSpace(
      live.pid,
      fd,
      new Backing(live.dirfd(), uid === 0 || uid === globalThis.process.geteuid!()),
      live.image(),
    );
  }
}
