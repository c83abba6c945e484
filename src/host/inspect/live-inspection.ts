import type { Arch } from "../../core/abi/arch/arch.ts";
import type { Tid } from "../../core/base/brand.ts";
import { Errno } from "../../core/base/errno.ts";
import type { Inspection, ProcessBytes, SignalSets, ThreadInfo } from "../../core/procfs/inspection-port.ts";
import type { AddressSpace, Memory, Process, Tracer } from "../../core/procfs/ports.ts";
import type { ByteSource } from "../../core/symbols/byte-source.ts";
import { type FoundPlace, findPlace, type PlaceName } from "../../core/symbols/find-place.ts";
import { type FindDebugFile, type LoadedModule, ModuleMap } from "../../core/symbols/modules.ts";
import { registerValues } from "../../core/symbols/registers.ts";
import { type Frame, unwind } from "../../core/symbols/unwind.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { mapOutcome, type Outcome } from "../../core/vfs/parked.ts";
import { perform, type Steps, step } from "../../core/vfs/steps.ts";
import type { CallerIdentity } from "../linux/caller-identity.ts";
import type { Elsewhere } from "../linux/elsewhere/elsewhere.ts";
import type { BytesName } from "../linux/elsewhere/jobs.ts";
import type { LiveProcess } from "../linux/live-process.ts";
import { ifThere, promptText } from "../linux/proc-file.ts";
import { DEBUG_ROOT, debugFilePaths } from "./debug-files.ts";
import { MappedModules } from "./mapped-modules.ts";
import { ModuleFiles } from "./module-files.ts";
import { Snapshot } from "./snapshot.ts";
import { signalSets, threadInfo } from "./thread-info.ts";

interface Setup {
  readonly identity: CallerIdentity;
  readonly elsewhere: Elsewhere;
  readonly memory: Memory;
  readonly tracer: Tracer;
  readonly arch: Arch;
}

/** Of the stack of a running thread, what is read while it is held: what is above it is read afterwards. */
const STACK_AT_ONCE = 64 * 1024;
/** Below the stack pointer: what a function may use without moving it, at most. */
const BELOW_STACK = 256;
/** Names are looked for in files alone. */
const NO_MEMORY: ByteSource = { read: () => 0 };
/** Pages that are waited for one after the other, of a process whose memory cannot be read at once. */
const MAX_AWAITED = 200;
/** What /proc and ptrace tell of a process, and what follows from its memory and the files it has mapped. */
export class LiveInspection implements Inspection {
  readonly registers: Inspection["registers"];
  readonly #setup: Setup;
  readonly #files: ModuleFiles;
  readonly #mapped = new MappedModules();

  constructor(setup: Setup) {
    this.#setup = setup;
    const { registers, floating } = setup.arch;
    this.registers = {
      general: registers.map((name, i) => ({ name, at: 8 * i, size: 8 })),
      floating: floating.fields,
      debug: [],
    };
    this.#files = new ModuleFiles(setup.identity);
  }

  stack(process: Process, caller: Caller, tid?: Tid): Outcome<readonly Frame[]> {
    return perform(this.#takeStack(process, caller, tid));
  }

  thread(process: Process, caller: Caller, tid: Tid): Outcome<ThreadInfo> {
    const { elsewhere, identity } = this.#setup;
    const asked = { pid: process.pid, tid, role: identity.roleOf(caller), channel: tid !== caller.tid };
    return mapOutcome(elsewhere.do(process as LiveProcess, caller, "status", asked), threadInfo);
  }

  signals(process: Process, tid?: Tid): SignalSets {
    const live = process as LiveProcess;
    const text = tid === undefined ? live.statusText() : ifThere(() => promptText(live.pid, "status", tid));
    if (text === undefined || !live.alive()) throw new Errno("ESRCH", `process ${live.pid} has no thread ${tid}`);
    return signalSets(text);
  }

  *#takeStack(process: Process, caller: Caller, tid: Tid | undefined): Steps<readonly Frame[]> {
    const { memory, tracer, arch } = this.#setup;
    const space: AddressSpace = yield* step(memory.open(process, caller));
    try {
      const snapshot = new Snapshot(space);
      const seen = (bytes: Uint8Array): void => {
        const top = registerValues({ arch, bytes })[arch.dwarf.stackPointer] ?? 0;
        snapshot.prefetch(Math.max(0, top - BELOW_STACK), STACK_AT_ONCE);
      };
      const bytes = yield* step(tracer.readRegisters(process, [caller], { set: "general", tid, seen }));
      const modules = yield* this.#modules(process, caller);
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

  *#modules(process: Process, caller: Caller): Steps<readonly LoadedModule[]> {
    const maps = yield* step(this.#bytes(process, caller, "maps"));
    return this.#mapped.of(process, maps, (path, device, inode) => this.#files.find(path, device, inode, caller));
  }

  find(process: Process, caller: Caller, place: PlaceName): Outcome<FoundPlace> {
    return perform(this.#find(process, caller, place));
  }

  *#find(process: Process, caller: Caller, place: PlaceName): Steps<FoundPlace> {
    const modules = yield* this.#modules(process, caller);
    const found = findPlace(new ModuleMap(modules, NO_MEMORY, this.#debugFile(caller)), place);
    if (found) return found;
    const what = "symbol" in place ? `symbol ${place.symbol}` : `line ${place.line} of ${place.file}`;
    throw new Errno("ENOENT", `neither the program of process ${process.pid} nor its libraries have a ${what}`);
  }

  bytes(process: Process, caller: Caller, which: ProcessBytes): Outcome<Uint8Array> {
    return this.#bytes(process, caller, which);
  }

  directory(process: Process, caller: Caller, which: "cwd" | "root"): Outcome<string> {
    const { elsewhere, identity } = this.#setup;
    const asked = { pid: process.pid, role: identity.roleOf(caller), name: which };
    return elsewhere.do(process as LiveProcess, caller, "directory", asked);
  }

  close(): void {
    this.#files.close();
  }

  /** Opened as `caller`, whom the kernel checks. */
  #bytes(process: Process, caller: Caller, name: BytesName): Outcome<Uint8Array> {
    const { elsewhere, identity } = this.#setup;
    const asked = { pid: process.pid, role: identity.roleOf(caller), name };
    return elsewhere.do(process as LiveProcess, caller, "bytes", asked);
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
