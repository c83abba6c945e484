import type { EntryState, MapState, ObjectState, VmState } from "../../core/vm/snapshot.ts";

/** `place: expected …, got …` */
export type Difference = string;

/**
 * What differs between two states, names of objects left out of account: they are matched by where they are referred to
 * from. A uid that is missing on one side counts 0.
 */
export function compareStates(expected: VmState, got: VmState, totals = true): Difference[] {
  const comparison = new Comparison(got);
  if (totals) comparison.totals(expected, got);
  comparison.maps(expected.maps, got.maps);
  comparison.objects(expected.objects);
  return comparison.differences;
}

class Comparison {
  readonly differences: Difference[] = [];
  readonly #got: VmState;
  /** Their name for an object to ours, and back. */
  readonly #ours = new Map<string, string>();
  readonly #theirs = new Map<string, string>();

  constructor(got: VmState) {
    this.#got = got;
  }

  #same(place: string, expected: unknown, got: unknown): void {
    const [left, right] = [JSON.stringify(expected), JSON.stringify(got)];
    if (left !== right) this.differences.push(`${place}: expected ${left}, got ${right}`);
  }

  totals(expected: VmState, got: VmState): void {
    this.#same("global", expected.global, got.global);
    for (const uid of new Set([...Object.keys(expected.uid), ...Object.keys(got.uid)])) {
      this.#same(`uid.${uid}`, expected.uid[uid] ?? 0, got.uid[uid] ?? 0);
    }
  }

  maps(expected: VmState["maps"], got: VmState["maps"]): void {
    this.#same("processes", Object.keys(expected).sort(), Object.keys(got).sort());
    for (const [name, map] of Object.entries(expected)) {
      const ours = got[name];
      if (ours) this.#map(`maps.${name}`, map, ours);
    }
  }

  #map(place: string, expected: MapState, got: MapState): void {
    this.#same(`${place}.ruid`, expected.ruid, got.ruid);
    if ("shares" in expected || "shares" in got) {
      this.#same(`${place}.shares`, "shares" in expected ? expected.shares : null, "shares" in got ? got.shares : null);
      return;
    }
    this.#same(`${place}.euid`, expected.euid, got.euid);
    this.#same(`${place} ranges`, expected.entries.map(range), got.entries.map(range));
    for (const [i, entry] of expected.entries.entries()) {
      const ours = got.entries[i];
      if (ours && range(entry) === range(ours)) this.#entry(`${place} ${range(entry)}`, entry, ours);
    }
  }

  #entry(place: string, expected: EntryState, got: EntryState): void {
    for (const key of ["prot", "inherit", "cow", "nc", "charge", "offset"] as const) {
      this.#same(`${place}.${key}`, expected[key], got[key]);
    }
    this.#same(`${place}.wired`, expected.wired ?? false, got.wired ?? false);
    this.#same(`${place}.growsDown`, expected.growsDown ?? false, got.growsDown ?? false);
    if (expected.avail !== undefined) this.#same(`${place}.avail`, expected.avail, got.avail);
    this.#reference(`${place}.object`, expected.object, got.object);
  }

  #reference(place: string, expected: string | null, got: string | null): void {
    if (expected === null || got === null) {
      this.#same(place, expected, got);
      return;
    }
    const ours = this.#ours.get(expected);
    if (ours === undefined && !this.#theirs.has(got)) {
      this.#ours.set(expected, got);
      this.#theirs.set(got, expected);
    } else if (ours !== got) {
      this.differences.push(`${place}: expected ${expected}, got the object that is ${this.#theirs.get(got) ?? got}`);
    }
  }

  objects(expected: VmState["objects"]): void {
    this.#followBacking(expected);
    for (const [name, object] of Object.entries(expected)) this.#matchLoose(name, object);
    this.#followBacking(expected);
    for (const [name, object] of Object.entries(expected)) {
      const ours = this.#ours.get(name);
      const got = ours === undefined ? undefined : this.#got.objects[ours];
      if (got) this.#object(name, object, got);
      else this.differences.push(`objects.${name}: expected ${JSON.stringify(object)}, got none`);
    }
    for (const [name, object] of Object.entries(this.#got.objects)) {
      if (!this.#theirs.has(name)) this.differences.push(`objects: expected none, got ${JSON.stringify(object)}`);
    }
  }

  /** What is behind two objects that are the same must be the same. */
  #followBacking(expected: VmState["objects"]): void {
    for (const [theirs, ours] of this.#ours) {
      const [left, right] = [expected[theirs]?.backing ?? null, this.#got.objects[ours]?.backing ?? null];
      this.#reference(`objects.${theirs}.backing`, left, right);
    }
  }

  /** An object that no entry leads to: the one with the same name, or the first that looks the same. */
  #matchLoose(name: string, object: ObjectState): void {
    if (this.#ours.has(name)) return;
    const free = Object.keys(this.#got.objects).filter((ours) => !this.#theirs.has(ours));
    const alike = free.filter((ours) => this.#got.objects[ours]!.type === object.type);
    const same = (ours: string): boolean => {
      const got = this.#got.objects[ours]!;
      return got.size === object.size && JSON.stringify(got.charge) === JSON.stringify(object.charge);
    };
    const match = free.find((ours) => ours === name && same(ours)) ?? alike.find(same) ?? alike[0];
    if (match !== undefined) this.#reference(`objects.${name}`, name, match);
  }

  #object(name: string, expected: ObjectState, got: ObjectState): void {
    for (const key of ["type", "size", "ref", "shadow", "charge", "backingOffset"] as const) {
      this.#same(`objects.${name}.${key}`, expected[key], got[key]);
    }
    if (expected.oneMapping !== undefined) {
      this.#same(`objects.${name}.oneMapping`, expected.oneMapping, got.oneMapping ?? false);
    }
  }
}

function range({ start, end }: EntryState): string {
  return `[${start},${end})`;
}
