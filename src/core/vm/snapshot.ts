import type { UidInfo } from "../charges/uidinfo.ts";
import type { VmMapEntry } from "./entry.ts";
import type { VmMap } from "./map.ts";
import type { VmObject } from "./object.ts";
import type { Proc } from "./proc.ts";
import { objectsOf } from "./reachable.ts";
import type { Vm } from "./vm.ts";
import { protText } from "./vocabulary.ts";

/** A whole state as data: the form in which the vectors say what they expect. Pages throughout. */
export interface VmState {
  readonly global: number;
  readonly uid: Readonly<Record<string, number>>;
  readonly maps: Readonly<Record<string, MapState>>;
  readonly objects: Readonly<Record<string, ObjectState>>;
}

/** `shares`: the process named earlier whose address space this one uses. */
export type MapState =
  | { readonly ruid: number; readonly euid: number; readonly entries: readonly EntryState[] }
  | { readonly ruid: number; readonly shares: string };

export interface ChargeState {
  readonly uid: number;
  readonly pages: number;
}

export interface EntryState {
  readonly start: number;
  readonly end: number;
  readonly prot: string;
  readonly inherit: string;
  readonly cow: boolean;
  readonly nc: boolean;
  readonly charge: ChargeState | null;
  readonly object: string | null;
  readonly offset: number;
  readonly wired?: boolean;
  readonly growsDown?: boolean;
  readonly avail?: number;
}

export interface ObjectState {
  readonly type: string;
  readonly size: number;
  readonly ref: number;
  readonly shadow: number;
  readonly charge: ChargeState | null;
  readonly backing: string | null;
  readonly backingOffset: number;
  readonly oneMapping?: boolean;
}

/** Names of objects: those given, or `O1`, `O2` … in the order in which objects are first seen. A name never changes. */
export class ObjectNames {
  readonly #names = new Map<VmObject, string>();
  #next = 1;

  give(object: VmObject, name: string): void {
    this.#names.set(object, name);
  }

  of(object: VmObject): string {
    let name = this.#names.get(object);
    if (name === undefined) {
      name = `O${this.#next++}`;
      this.#names.set(object, name);
    }
    return name;
  }
}

export function snapshot(vm: Vm, procs: ReadonlyMap<string, Proc>, names: ObjectNames): VmState {
  const seen = new Map<VmMap, string>();
  const maps: Record<string, MapState> = {};
  for (const [name, proc] of procs) {
    const { map } = proc.vmspace;
    const ruid = proc.ruid.uid;
    const first = seen.get(map);
    if (first !== undefined) maps[name] = { ruid, shares: first };
    else {
      seen.set(map, name);
      maps[name] = { ruid, euid: proc.euid, entries: [...map.entries].map((entry) => entryState(entry, names)) };
    }
  }
  return {
    global: vm.ledger.reserved,
    uid: Object.fromEntries([...vm.uids].map(({ uid, vmsize }) => [String(uid), vmsize])),
    maps,
    objects: Object.fromEntries([...objectsOf(vm)].map((object) => [names.of(object), objectState(object, names)])),
  };
}

function chargeState(cred: UidInfo | undefined, pages: number): ChargeState | null {
  return cred ? { uid: cred.uid, pages } : null;
}

function entryState(entry: VmMapEntry, names: ObjectNames): EntryState {
  const { start, end, inherit, cow, object, offset } = entry;
  return {
    start,
    end,
    prot: protText(entry.prot),
    inherit,
    cow,
    nc: entry.needsCopy,
    charge: chargeState(entry.cred, entry.length),
    object: object ? names.of(object) : null,
    offset: object ? offset : 0,
    ...(entry.wired ? { wired: true } : {}),
    ...(entry.growsDown ? { growsDown: true, avail: entry.availSsize } : {}),
  };
}

function objectState(object: VmObject, names: ObjectNames): ObjectState {
  const { type, size, refCount, shadowCount, backing, backingOffset } = object;
  return {
    type,
    size,
    ref: refCount,
    shadow: shadowCount,
    charge: chargeState(object.cred, object.charge),
    backing: backing ? names.of(backing) : null,
    backingOffset: backing ? backingOffset : 0,
    ...(object.anonymous ? { oneMapping: object.oneMapping } : {}),
  };
}
