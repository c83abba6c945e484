import type { Arch } from "./arch.ts";

const known = new WeakMap<Arch, readonly string[]>();

/** The name of each system call, by number. */
function namesOf(arch: Arch): readonly string[] {
  let names = known.get(arch);
  if (!names) {
    const all: string[] = [];
    for (const [first, run] of arch.callNames) for (const [i, name] of run.split(/\s/).entries()) all[first + i] = name;
    names = all;
    known.set(arch, names);
  }
  return names;
}

/** The name of a system call; its number where it has none. */
export function callName(arch: Arch, number: number): string {
  return namesOf(arch)[number] ?? String(number);
}

/** The number of a system call; undefined for a name that is none. */
export function callNumber(arch: Arch, name: string): number | undefined {
  const number = namesOf(arch).indexOf(name);
  return number < 0 ? undefined : number;
}
