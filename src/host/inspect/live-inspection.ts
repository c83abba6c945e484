import type { Arch } from "../../core/abi/arch/arch.ts";
import { O_CLOEXEC, O_RDONLY } from "../../core/abi/fcntl.ts";
import { type MapsEntry, parseNamedMaps } from "../../core/abi/text/smaps.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Inspection, ProcessBytes } from "../../core/procfs/inspection-port.ts";
import type { Memory, Process, Tracer } from "../../core/procfs/ports.ts";
import type { FindDebugFile, LoadedModule } from "../../core/symbols/modules.ts";
import { registerValues } from "../../core/symbols/registers.ts";
import { type Frame, unwind } from "../../core/symbols/unwind.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import type { Outcome } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import type { CallerIdentity } from "../linux/caller-identity.ts";
import { check } from "../linux/ffi/call.ts";
import { libcClose, libcOpenat, libcRead, libcReadlinkat } from "../linux/ffi/libc.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { DEBUG_ROOT, debugFilePaths } from "./debug-files.ts";
import { ModuleFiles } from "./module-files.ts";
import { Snapshot } from "./snapshot.ts";

interface Setup {
  readonly identity: CallerIdentity;
  readonly memory: Memory;
  readonly tracer: Tracer;
  readonly arch: Arch;
}

/** Of the stack of a running thread, what is read while it is held: what is above it is read afterwards. */
const STACK_AT_ONCE = 64 * 1024;
/** Below the stack pointer: what a function may use without moving it, at most. */
const BELOW_STACK = 256;
/** Pages that are waited for one after the other, of a process whose memory cannot be read at once. */
const MAX_AWAITED = 200;
/** A longer text of /proc is cut. */
const MAX_TEXT = 16 * 1024 * 1024;

const linkText = Buffer.alloc(4096);

/** What /proc and ptrace tell of a process, and what follows from its memory and the files it has mapped. */
export class LiveInspection implements Inspection {
  readonly registerNames: readonly string[];
  readonly #setup: Setup;
  readonly #files: ModuleFiles;

  constructor(setup: Setup) {
    this.#setup = setup;
    this.registerNames = setup.arch.registers;
    this.#files = new ModuleFiles(setup.identity);
  }

  stack(process: Process, caller: Caller, allowed: () => void): Outcome<readonly Frame[]> {
    return perform(this.#takeStack(process, caller, allowed));
  }

  *#takeStack(process: Process, caller: Caller, allowed: () => void): Steps<readonly Frame[]> {
    const { memory, tracer, arch } = this.#setup;
    const space = memory.open(process, caller);
    try {
      const snapshot = new Snapshot(space);
      let modules: readonly LoadedModule[] = [];
      const seen = (bytes: Uint8Array): void => {
        const top = registerValues({ arch, bytes })[arch.dwarf.stackPointer] ?? 0;
        snapshot.prefetch(Math.max(0, top - BELOW_STACK), STACK_AT_ONCE);
        modules = this.#modules(process as LiveProcess, caller);
      };
      const bytes = yield* step(tracer.readRegisters(process, caller, allowed, seen));
      for (let awaited = 0; ; awaited++) {
        const frames = unwind({ arch, bytes }, snapshot, modules, { debugFile: this.#debugFile(caller) });
        const missing = snapshot.takeAwaited();
        if (!missing || awaited === MAX_AWAITED) return frames;
        yield* step(missing);
      }
    } finally {
      space.close();
    }
  }

  bytes(process: Process, caller: Caller, which: ProcessBytes): Outcome<Uint8Array> {
    return this.#read(process as LiveProcess, caller, which);
  }

  directory(process: Process, caller: Caller, which: "cwd" | "root"): string {
    const dirfd = (process as LiveProcess).dirfd();
    const count = this.#setup.identity.as(caller, () =>
      check(libcReadlinkat(dirfd, which, linkText, linkText.length), `${which} of process ${process.pid}`),
    );
    return linkText.toString("latin1", 0, count);
  }

  close(): void {
    this.#files.close();
  }

  /** Opened as `caller`, whom the kernel checks. */
  #read(process: LiveProcess, caller: Caller, name: string): Buffer {
    const what = `${name} of process ${process.pid}`;
    const dirfd = process.dirfd();
    const fd = this.#setup.identity.as(caller, () => libcOpenat(dirfd, name, O_RDONLY | O_CLOEXEC, 0));
    if (fd < 0 && !process.alive()) throw new Errno("ESRCH", `process ${process.pid} has exited`);
    check(fd, what);
    try {
      return readWhole(fd, what);
    } finally {
      libcClose(fd);
    }
  }

  /** A module finds its file when that is asked for: most are not. */
  #modules(process: LiveProcess, caller: Caller): readonly LoadedModule[] {
    return parseNamedMaps(this.#read(process, caller, "maps").toString("latin1"))
      .filter(({ path, inode }) => inode !== 0 || path === "[vdso]")
      .map((entry) => new MappedModule(entry, () => this.#files.find(entry.path, entry.device, entry.inode, caller)));
  }

  #debugFile(caller: Caller): FindDebugFile {
    return (wanted) => {
      for (const path of debugFilePaths(wanted)) {
        const file = this.#files.findBelow(DEBUG_ROOT, path, caller);
        if (file) return file;
      }
      return undefined;
    };
  }
}

class MappedModule implements LoadedModule {
  readonly start: number;
  readonly end: number;
  readonly fileOffset: number;
  readonly path: string;
  readonly #find: () => LoadedModule["bytes"];
  #bytes: LoadedModule["bytes"] | null = null;

  constructor({ start, end, offset, path, inode }: MapsEntry, find: () => LoadedModule["bytes"]) {
    this.start = start;
    this.end = end;
    this.fileOffset = offset;
    this.path = path;
    this.#find = inode === 0 ? () => undefined : find;
  }

  get bytes(): LoadedModule["bytes"] {
    if (this.#bytes === null) this.#bytes = this.#find();
    return this.#bytes;
  }
}

/** Where a short text is read first. */
const scratch = Buffer.alloc(32 * 1024);

function readWhole(fd: number, what: string): Buffer {
  let room = scratch;
  let length = 0;
  for (;;) {
    const count = check(libcRead(fd, room.subarray(length), room.length - length), what);
    length += count;
    if (count === 0 || length >= MAX_TEXT) return Buffer.from(room.subarray(0, length));
    if (room.length - length < 8192) room = Buffer.concat([room, Buffer.allocUnsafe(room.length)]);
  }
}
