import type { VmMap } from "./map.ts";
import type { VmObject } from "./object.ts";
import type { Vm } from "./vm.ts";

/** The address spaces in use, each once, in order of their first process. */
export function mapsOf(vm: Vm): Set<VmMap> {
  return new Set([...vm.procs].map(({ vmspace }) => vmspace.map));
}

/** Every object that something refers to: through an entry, as a backing object, by a handle, by a name. */
export function objectsOf(vm: Vm): Set<VmObject> {
  const found = new Set<VmObject>();
  const add = (first: VmObject | undefined): void => {
    for (let object = first; object && !found.has(object); object = object.backing) found.add(object);
  };
  for (const map of mapsOf(vm)) for (const { object } of map.entries) add(object);
  for (const object of vm.handles) add(object);
  for (const object of vm.pagers.named) add(object);
  return found;
}
