import { invariant } from "../base/assert.ts";
import type { ArgumentTest } from "./watched-calls.ts";

/** Bits of one argument that have to be as said: 64 bits. */
export interface Bits {
  readonly mask: bigint;
  readonly value: bigint;
}

/** What several arguments have to be, by number; an argument that is not there may be anything. */
export type Cube = ReadonlyMap<number, Bits>;

export const ANYTHING: Cube = new Map();

const HALF = 32n;

/** Both hold; undefined where they cannot. */
export function meet(a: Cube, b: Cube): Cube | undefined {
  const met = new Map(a);
  for (const [arg, { mask, value }] of b) {
    const other = met.get(arg) ?? { mask: 0n, value: 0n };
    if (((other.value ^ value) & other.mask & mask) !== 0n) return undefined;
    met.set(arg, { mask: other.mask | mask, value: other.value | value });
  }
  return met;
}

/** Of two lists of which one cube each has to hold, the list of both. */
export function meetAll(as: readonly Cube[], bs: readonly Cube[]): Cube[] {
  return as.flatMap((a) => bs.flatMap((b) => meet(a, b) ?? []));
}

/** When none of `cubes` holds: cubes of which no two hold for the same call. */
export function complement(cubes: readonly Cube[]): Cube[] {
  return without(ANYTHING, cubes);
}

/** `within`, when none of `cubes` does. */
function without(within: Cube, cubes: readonly Cube[]): Cube[] {
  const left = cubes.filter((cube) => meet(within, cube) !== undefined);
  const [cube] = left;
  if (!cube) return [within];
  const found = freeBit(within, cube);
  // All of it is said already.
  if (!found) return [];
  const [arg, mask] = found;
  return [0n, mask].flatMap((value) => without(meet(within, new Map([[arg, { mask, value }]]))!, left));
}

/** A bit of which `cube` says something, and `within` does not. */
function freeBit(within: Cube, cube: Cube): readonly [arg: number, mask: bigint] | undefined {
  for (const [arg, { mask }] of cube) {
    const free = mask & ~(within.get(arg)?.mask ?? 0n);
    if (free !== 0n) return [arg, free & -free];
  }
  return undefined;
}

function ofTest({ arg, upper, mask, is }: ArgumentTest): Cube[] {
  const shift = upper ? HALF : 0n;
  const bits = BigInt(mask >>> 0) << shift;
  const cube = (value: number): Cube => new Map([[arg, { mask: bits, value: BigInt(value >>> 0) << shift }]]);
  if (is === "none") return [cube(0)];
  if (is === "some") return complement([cube(0)]);
  return "equal" in is ? [cube(is.equal)] : complement([cube(is.not)]);
}

/** When a watched call is trapped, as cubes. */
export function cubesOf(when: readonly (readonly ArgumentTest[])[] | undefined): readonly Cube[] {
  if (!when) return [ANYTHING];
  const cubes = when.flatMap((tests) => tests.map(ofTest).reduce(meetAll, [ANYTHING]));
  invariant(cubes.length > 0, "a call that is never trapped");
  return cubes;
}
