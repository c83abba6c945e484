import type { Vma } from "../../core/space/ports.ts";

/** A map in a form that can be transferred between threads: {@link FIELDS} numbers for each VMA, and the names of shared objects. */
export interface PackedMap {
  readonly numbers: Float64Array;
  readonly objects: readonly string[];
}

const FIELDS = 5;
const FLAGS = ["accounted", "accountable", "dontCopy", "stack", "heap", "named", "hidden"] as const;
const NONE = -1;

const flagsOf = (vma: Vma): number => FLAGS.reduce((bits, flag, i) => bits | (vma[flag] ? 1 << i : 0), 0);

/** Whether two VMAs are neighbours that accounting need not tell apart. */
function areAlike(a: Vma, b: Vma): boolean {
  if (a.end !== b.start || a.object !== undefined || b.object !== undefined) return false;
  if (a.stack || a.heap || a.named || a.hidden) return false;
  return flagsOf(a) === flagsOf(b);
}

/** Joins neighbours that are charged alike. Of the 65,000 VMAs that a process can have, long runs are alike. */
export function merged(vmas: readonly Vma[]): Vma[] {
  const all: Vma[] = [];
  for (const vma of vmas) {
    const last = all.at(-1);
    if (last && areAlike(last, vma)) all[all.length - 1] = { ...last, end: vma.end };
    else all.push(vma);
  }
  return all;
}

export function pack(vmas: readonly Vma[]): PackedMap {
  const numbers = new Float64Array(vmas.length * FIELDS);
  const objects: string[] = [];
  for (const [i, vma] of vmas.entries()) {
    const object = vma.object === undefined ? NONE : objects.push(vma.object) - 1;
    numbers.set([vma.start, vma.end, flagsOf(vma), object, vma.objectPages], i * FIELDS);
  }
  return { numbers, objects };
}

export function unpack({ numbers, objects }: PackedMap): Vma[] {
  return Array.from({ length: numbers.length / FIELDS }, (_, i) => {
    const [start, end, bits, object, objectPages] = numbers.subarray(i * FIELDS, (i + 1) * FIELDS);
    const flags = Object.fromEntries(FLAGS.map((flag, bit) => [flag, (bits! & (1 << bit)) !== 0]));
    const name = object === NONE ? undefined : objects[object!];
    return { start, end, objectPages, object: name, ...flags } as unknown as Vma;
  });
}
