import { type Holder, recount as recountCharges } from "../charges/recount.ts";
import { MAP_ENTRY_NOFAULT, MAP_ENTRY_NORESERVE, type VmMapEntry } from "./entry.ts";
import type { VmMap } from "./map.ts";
import type { VmObject } from "./object.ts";
import { mapsOf, objectsOf } from "./reachable.ts";
import type { Vm } from "./vm.ts";
import { VM_PROT_WRITE } from "./vocabulary.ts";

/**
 * Checks the invariants of docs/semantics.md and the links between entries and objects by counting everything again. Returns one line for
 * each that does not hold. Takes time proportional to the number of entries and objects.
 */
export function recount(vm: Vm): string[] {
  const maps = mapsOf(vm);
  const objects = objectsOf(vm);
  return [
    ...recountTotals(vm, [...holders(maps, objects)]),
    ...[...maps].flatMap((map) => [...map.entries].flatMap((entry) => checkEntry(entry, vm))),
    ...[...maps].flatMap(checkOrder),
    ...recountReferences(vm, maps, objects),
  ];
}

/** The entries and objects that hold a charge. */
function* holders(maps: ReadonlySet<VmMap>, objects: ReadonlySet<VmObject>): Iterable<Holder> {
  for (const map of maps) for (const { cred, length } of map.entries) if (cred) yield { payer: cred, pages: length };
  for (const { cred, charge } of objects) if (cred) yield { payer: cred, pages: charge };
}

/** Invariants 1, 2 and 6. */
function recountTotals({ ledger, uids, procs, handles }: Vm, held: readonly Holder[]): string[] {
  const wrong = recountCharges(held, { ledger, uids, budgets: [] });
  for (const { uid, vmsize } of uids) if (vmsize < 0) wrong.push(`uid ${uid} counts ${vmsize}`);
  const { reserved } = ledger;
  if (procs.size === 0 && handles.size === 0 && reserved !== 0) wrong.push(`I6: ${reserved} left with nobody`);
  return wrong;
}

function checkEntry(entry: VmMapEntry, { rules }: Vm): string[] {
  const { object, cred, start, end } = entry;
  const where = `[${start},${end})`;
  const wrong: string[] = [];
  if (cred && object?.cred && !entry.needsCopy) wrong.push(`I3: ${where} and its object are both charged`);
  const writable =
    (entry.prot & VM_PROT_WRITE) !== 0 && (entry.flags & (MAP_ENTRY_NOFAULT | MAP_ENTRY_NORESERVE)) === 0;
  // A gap in FreeBSD's sources: fork after minherit(INHERIT_COPY) makes a shared file mapping private without a charge.
  const unpaid = rules.name === "freebsd" && entry.cow && object !== undefined && !object.bottom.anonymous;
  const isPrivate = object === undefined || object.anonymous || entry.cow;
  if (writable && isPrivate && !entry.charged && !unpaid) wrong.push(`I5: ${where} is writable and nobody pays`);
  if (entry.needsCopy && !object) wrong.push(`${where} needs a copy of nothing`);
  return wrong;
}

function checkOrder(map: VmMap): string[] {
  const wrong: string[] = [];
  let count = 0;
  let previous: VmMapEntry | undefined;
  for (const entry of map.entries) {
    if (entry.previous !== previous) wrong.push(`[${entry.start},${entry.end}) is linked to the wrong neighbour`);
    if (entry.start >= entry.end || (previous && previous.end > entry.start)) {
      wrong.push(`[${entry.start},${entry.end}) is empty or overlaps`);
    }
    if (map.lookup(entry.start) !== entry) wrong.push(`[${entry.start},${entry.end}) is not found`);
    previous = entry;
    count++;
  }
  if (count !== map.entries.count) wrong.push(`a map counts ${map.entries.count} entries and has ${count}`);
  return wrong;
}

function recountReferences(vm: Vm, maps: ReadonlySet<VmMap>, objects: ReadonlySet<VmObject>): string[] {
  const references = new Map<VmObject, number>();
  const shadows = new Map<VmObject, number>();
  const count = (counts: Map<VmObject, number>, object: VmObject | undefined): void => {
    if (object) counts.set(object, (counts.get(object) ?? 0) + 1);
  };
  for (const map of maps) for (const { object } of map.entries) count(references, object);
  for (const object of vm.handles) count(references, object);
  for (const { backing } of objects) {
    count(references, backing);
    count(shadows, backing);
  }
  const wrong: string[] = [];
  for (const object of objects) {
    const actual = references.get(object) ?? 0;
    if (actual !== object.refCount) wrong.push(`an object counts ${object.refCount} references and has ${actual}`);
    let listed = 0;
    for (let shadow = object.shadowHead; shadow; shadow = shadow.shadowNext) listed++;
    if (listed !== object.shadowCount || listed !== (shadows.get(object) ?? 0)) {
      wrong.push(`an object counts ${object.shadowCount} shadows, lists ${listed}, has ${shadows.get(object) ?? 0}`);
    }
    if (object.type === "dead") wrong.push("a dead object is still referred to");
  }
  return wrong;
}
