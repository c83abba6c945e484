import type { VmObject } from "../../core/vm/object.ts";
import type { Proc } from "../../core/vm/proc.ts";
import { ObjectNames, snapshot, type VmState } from "../../core/vm/snapshot.ts";
import type { SysvSegment } from "../../core/vm/sysv-shm.ts";
import type { Vm } from "../../core/vm/vm.ts";

/** An operation names something that is not there. The place is added by whoever knows it. */
export class UnknownName extends Error {
  readonly key: string;

  constructor(key: string, kind: string, name: string) {
    super(`there is no ${kind} ${JSON.stringify(name)}`);
    this.key = key;
  }
}

/** What has a handle that can be closed, by the argument that names it. */
const HANDLE_KINDS = { fd: "descriptor", md: "disk" } as const;
export type HandleKind = keyof typeof HANDLE_KINDS;

/** One scenario's machine and the names that its file gives to things. */
export class World {
  readonly vm: Vm;
  readonly procs: Map<string, Proc> = new Map();
  readonly #vnodes = new Map<string, VmObject>();
  readonly #handles = { fd: new Map<string, VmObject>(), md: new Map<string, VmObject>() };
  readonly #segments = new Map<string, SysvSegment>();
  readonly #names = new ObjectNames();

  constructor(vm: Vm) {
    this.vm = vm;
  }

  proc(name: string, key = "proc"): Proc {
    return found(this.procs.get(name), key, "process", name);
  }

  /** What can be mapped: a file, or shared memory by its descriptor. */
  mappable(name: string): VmObject {
    return found(this.#vnodes.get(name) ?? this.#handles.fd.get(name), "file", "file or descriptor", name);
  }

  handle(kind: HandleKind, name: string): VmObject {
    return found(this.#handles[kind].get(name), kind, HANDLE_KINDS[kind], name);
  }

  /** The object, and forgets the name: what it stood for is closed. */
  takeHandle(kind: HandleKind, name: string): VmObject {
    const object = this.handle(kind, name);
    this.#handles[kind].delete(name);
    return object;
  }

  segment(name: string): SysvSegment {
    return found(this.#segments.get(name), "seg", "segment", name);
  }

  /** A file, known to no process yet. */
  addVnode(name: string, pages: number): void {
    const vnode = this.vm.pagers.allocate({ type: "vnode", handle: name, size: pages }, NOBODY)!;
    this.vm.objects.deallocate(vnode);
    this.#vnodes.set(name, vnode);
    this.#names.give(vnode, name);
  }

  /** `shown`: the name is the object's own, in what is printed. */
  addHandle(kind: HandleKind, name: string, object: VmObject, shown = false): void {
    this.#handles[kind].set(name, object);
    if (shown) this.#names.give(object, name);
  }

  addSegment(name: string, segment: SysvSegment): void {
    this.#segments.set(name, segment);
  }

  /** A name that nothing has yet: `P3`, `MD0`. */
  freshName(prefix: string, first: number): string {
    for (let i = first; ; i++) {
      const name = `${prefix}${i}`;
      const taken = [this.procs, this.#segments, this.#vnodes, this.#handles.fd, this.#handles.md];
      if (!taken.some((names) => names.has(name))) return name;
    }
  }

  snapshot(): VmState {
    return snapshot(this.vm, this.procs, this.#names);
  }
}

const NOBODY = { euid: 0, jailed: false, rlimitSwap: 0, pid: 0 };

function found<T>(value: T | undefined, key: string, kind: string, name: string): T {
  if (value === undefined) throw new UnknownName(key, kind, name);
  return value;
}
