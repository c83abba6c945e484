import { Errno, type ErrnoName, errnoName } from "../../core/base/errno.ts";
import type { AddressSpace, Memory, Process } from "../../core/procfs/ports.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { chainOutcome, mapOutcome, type Outcome } from "../../core/vfs/parked.ts";
import type { KernelAccess } from "./access.ts";
import { Backing } from "./backing.ts";
import type { Elsewhere } from "./elsewhere/elsewhere.ts";
import { addressOf, errnoNow, libcClose, libcPread, libcProcessVmReadv, libcPwrite } from "./ffi/libc.ts";
import type { LiveProcess } from "./live-process.ts";
import { pageSize } from "./page-size.ts";

const hex = (address: number): string => `0x${address.toString(16)}`;

/** How long a transfer waits for a page, milliseconds: that may come from a file system of another machine. */
const PATIENCE_MS = 10_000;

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
  readonly #process: LiveProcess;
  /** Who opened it, and pays for waiting. */
  readonly #caller: Caller;
  readonly #fd: number;
  readonly #backing: Backing;
  readonly #elsewhere: Elsewhere;
  /** Transfers on their way; the descriptor is theirs, too. */
  #away = 0;
  #closed = false;

  /** Takes `fd` and `backing`. */
  constructor(process: LiveProcess, image: string, caller: Caller, fd: number, backing: Backing, elsewhere: Elsewhere) {
    this.image = image;
    this.#process = process;
    this.#caller = caller;
    this.#fd = fd;
    this.#backing = backing;
    this.#elsewhere = elsewhere;
  }

  read(address: number, into: Uint8Array): Outcome<number> {
    this.#requireOpen();
    if (this.#backing.isSafe(address, address + into.length)) {
      if (into.length >= BULK && bulkRead(this.#process.pid, address, into) === into.length) {
        // That went by pid: it counts only if the address space we hold is still the one in use.
        if (libcPread(this.#fd, oneByte, 1, address) === 1) return into.length;
      }
      const count = libcPread(this.#fd, into, into.length, address);
      return checkCount(count, address, count < 0 ? errnoName(errnoNow()) : "EIO");
    }
    const buffer = Buffer.allocUnsafeSlow(into.length);
    return mapOutcome(this.#transfer(address, buffer, false), (count) => {
      into.set(buffer.subarray(0, count));
      return count;
    });
  }

  write(address: number, data: Uint8Array): Outcome<number> {
    this.#requireOpen();
    if (this.#backing.isSafe(address, address + data.length)) {
      const count = libcPwrite(this.#fd, data, data.length, address);
      return checkCount(count, address, count < 0 ? errnoName(errnoNow()) : "EIO");
    }
    const buffer = Buffer.allocUnsafeSlow(data.length);
    buffer.set(data);
    return this.#transfer(address, buffer, true);
  }

  /** ESRCH once closed: by then the numbers of its descriptors may be somebody else's. */
  #requireOpen(): void {
    if (this.#closed) throw new Errno("ESRCH", "this memory was closed");
  }

  /** A transfer that may block for as long as another user's file system likes. Owns `buffer` until it settles. */
  #transfer(address: number, buffer: Buffer, write: boolean): Outcome<number> {
    const job = { fd: this.#fd, address, buffer: addressOf(buffer), length: buffer.length, write };
    this.#away++;
    const over = (): void => {
      // Naming the buffer here keeps it where it is until then.
      this.#away -= buffer.length >= 0 ? 1 : 0;
      if (this.#closed && this.#away === 0) libcClose(this.#fd);
    };
    const options = { patience: PATIENCE_MS, over, own: "elsewhere" as const };
    return mapOutcome(this.#elsewhere.do(this.#process, this.#caller, "transfer", job, options), (count) =>
      checkCount(count, address, count < 0 ? errnoName(-count) : "EIO"),
    );
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
  readonly #elsewhere: Elsewhere;

  /** `top` is the architecture's end of user addresses. */
  constructor(access: KernelAccess, elsewhere: Elsewhere, top: number) {
    this.#access = access;
    this.#elsewhere = elsewhere;
    this.top = top;
  }

  open(process: Process, caller: Caller): Outcome<AddressSpace> {
    const live = process as LiveProcess;
    // Asked first: a program that it executes meanwhile is not taken for the one whose memory this is.
    return chainOutcome(live.image(caller), (image) =>
      mapOutcome(this.#access.openMemory(live, caller), (fd) => this.#spaceOf(live, image, caller, fd)),
    );
  }

  /** The same at once, where every thread of the process is in a ptrace stop of ours; without a name for what it runs. */
  openStopped(live: LiveProcess, caller: Caller): AddressSpace {
    return this.#spaceOf(live, "", caller, this.#access.openMemoryStopped(live, caller));
  }

  #spaceOf(live: LiveProcess, image: string, caller: Caller, fd: number): AddressSpace {
    if (fd < 0) {
      if (!live.alive()) throw new Errno("ESRCH", `process ${live.pid} has exited`);
      return { image: "", read: () => nothingThere(live.pid), write: () => nothingThere(live.pid), close: () => {} };
    }
    try {
      return new LiveAddressSpace(live, image, caller, fd, new Backing(live.dirfd(), live.isOwn()), this.#elsewhere);
    } catch (error) {
      libcClose(fd);
      throw error;
    }
  }
}
