/**
 * The filter as the OCI runtime specification writes one, which runtimes hand to libseccomp: of the same table as our own. libseccomp
 * compares whole arguments, one comparison each, and knows no "not these bits": so what a test says becomes cubes of bits, a rule each.
 */
import type { Arch } from "../abi/arch/arch.ts";
import { Errno } from "../base/errno.ts";
import { type Bits, type Cube, complement, cubesOf, meetAll } from "./argument-cubes.ts";
import { WATCHED_CALLS, type WatchedCall } from "./watched-calls.ts";

export interface OciArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}

export interface OciRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly OciArgument[];
  /** Docker's conditions, and what else a rule may have: kept as they are. */
  readonly [other: string]: unknown;
}

export interface OciProfile {
  readonly defaultAction: string;
  readonly architectures?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly OciRule[];
  readonly [other: string]: unknown;
}

const ALLOW = "SCMP_ACT_ALLOW";
/** Lets a call go on as well, and has the kernel write a line of it. */
const LOG = "SCMP_ACT_LOG";
const NOTIFY = "SCMP_ACT_NOTIFY";
const ERRNO_ACTION = "SCMP_ACT_ERRNO";
const EQUAL = "SCMP_CMP_EQ";
const NOT_EQUAL = "SCMP_CMP_NE";
const MASKED = "SCMP_CMP_MASKED_EQ";
const letsGo = (action: string): boolean => action === ALLOW || action === LOG;
const WHOLE = 0xffff_ffff_ffff_ffffn;

/** By the name that Node has for it, libseccomp's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "SCMP_ARCH_X86_64", arm64: "SCMP_ARCH_AARCH64" };

/** The calls that a native program can make: those of a 32-bit one have other numbers, and it is not let in. */
function watchedCalls(arch: Arch): readonly WatchedCall[] {
  const [{ numbers }] = arch.abis;
  return WATCHED_CALLS.filter(({ name, forRepair }) => numbers[name] !== undefined && !forRepair);
}

/** A number of JSON, which is exact below 2^53. EINVAL. */
function exact(bits: bigint): number {
  const number = Number(bits);
  if (Number.isSafeInteger(number)) return number;
  throw new Errno("EINVAL", "what the base says of an argument cannot be joined: it would take numbers beyond 2^53");
}

function argument([index, { mask, value }]: readonly [number, Bits]): OciArgument {
  if (mask === WHOLE) return { index, value: exact(value), op: EQUAL };
  return { index, value: exact(mask), valueTwo: exact(value), op: MASKED };
}

function rule(base: Omit<OciRule, "names" | "action" | "args">, name: string, action: string, cube: Cube): OciRule {
  const args = [...cube].map(argument);
  return { ...base, names: [name], action, ...(args.length === 0 ? {} : { args }) };
}

/** The argument of which any bit at all has the call trapped, where that is all that is asked: its cubes would be 64. */
function anyBitOf({ when = [] }: WatchedCall): number | undefined {
  const tests = when.flat();
  const [first] = tests;
  const isWhole = tests.every(({ arg, mask, is }) => arg === first!.arg && mask >>> 0 === 0xffff_ffff && is === "some");
  return when.length === 2 && tests.length === 2 && isWhole && tests[0]!.upper !== tests[1]!.upper
    ? first!.arg
    : undefined;
}

function unlessZero(each: OciRule, index: number): OciRule {
  const args = each.args ?? [];
  if (args.some((other) => other.index === index)) throw cannotJoin(each, NOT_EQUAL, index);
  return { ...each, args: [...args, { index, value: 0, op: NOT_EQUAL }] };
}

const cannotJoin = ({ names }: OciRule, op: string, index: number): Errno =>
  new Errno("EINVAL", `the base says ${op} of argument ${index} of ${names.join(", ")}, which cannot be joined`);

/** The rules of one call, where `base` lets those of `within` go; with what it goes on to let go only if that needs to be said. */
function rulesOf(
  call: WatchedCall,
  within: readonly Cube[],
  base: Omit<OciRule, "names"> & { readonly action: string },
  saysRest: boolean,
): OciRule[] {
  const { action: letGo, args: _args, errnoRet: _errno, ...others } = base;
  const cubes = cubesOf(call.when);
  const [action, rest] =
    "errno" in call.decode ? [ERRNO_ACTION, { ...others, errnoRet: call.decode.errno }] : [NOTIFY, others];
  const arg = anyBitOf(call);
  const trapped =
    arg === undefined
      ? meetAll(within, cubes).map((cube) => rule(rest, call.name, action, cube))
      : within.map((cube) => unlessZero(rule(rest, call.name, action, cube), arg));
  if (!saysRest) return trapped;
  return [...trapped, ...meetAll(within, complement(cubes)).map((cube) => rule(others, call.name, letGo, cube))];
}

/** What a rule of another profile says of its arguments. EINVAL where that cannot be joined with what we say. */
function cubeOf(each: OciRule): Cube {
  const cube = new Map<number, Bits>();
  const { args = [] } = each;
  for (const { index, value, valueTwo = 0, op } of args) {
    const whole = op === EQUAL ? { mask: WHOLE, value: BigInt(value) } : undefined;
    const bits = op === MASKED ? { mask: BigInt(value), value: BigInt(valueTwo) } : whole;
    const isExact = Number.isSafeInteger(value) && Number.isSafeInteger(valueTwo);
    if (!bits || !isExact || cube.has(index)) throw cannotJoin(each, op, index);
    cube.set(index, bits);
  }
  return cube;
}

/** Where all else is allowed, a rule that is there only sometimes would leave the call to nobody. EINVAL. */
function unconditional(each: OciRule): OciRule {
  if (each["includes"] === undefined && each["excludes"] === undefined) return each;
  throw new Errno(
    "EINVAL",
    `the base allows all, and has a rule for ${each.names.join(", ")} under conditions; take it out`,
  );
}

/** What the listener is to be told: the agent's socket, and the budget. */
export interface Listening {
  readonly path: string;
  /** As `swap=512m`, or nothing. */
  readonly metadata: string;
}

/**
 * A profile that traps what our filter traps, of native programs; 32-bit ones are ended. `base`: what it lets through is let through
 * or trapped, and what it refuses is refused. EINVAL where it has a listener itself, or cannot be joined.
 */
export function ociProfile(arch: Arch, listening: Listening, base: OciProfile = { defaultAction: ALLOW }): OciProfile {
  const calls = watchedCalls(arch);
  const { syscalls = [], archMap: _archMap, ...others } = base;
  const byName = new Map(calls.map((call) => [call.name, call]));
  const rules: OciRule[] = [];
  const { defaultAction } = base;
  for (const each of syscalls) {
    if (each.action === NOTIFY)
      throw new Errno(
        "EINVAL",
        `the base has a listener of its own, for ${each.names.join(", ")}; there can be one only`,
      );
    const watched = letsGo(each.action) ? each.names.flatMap((name) => byName.get(name) ?? []) : [];
    const rest = each.names.filter((name) => !watched.some((call) => call.name === name));
    if (rest.length > 0) rules.push({ ...each, names: rest });
    for (const call of watched) rules.push(...rulesOf(call, [cubeOf(each)], each, each.action !== defaultAction));
  }
  if (letsGo(defaultAction)) {
    for (const call of calls) {
      const told = syscalls.filter(({ names }) => names.includes(call.name));
      rules.push(...rulesOf(call, complement(told.map(unconditional).map(cubeOf)), { action: defaultAction }, false));
    }
  }
  const { path, metadata } = listening;
  return {
    ...others,
    architectures: [ARCHITECTURES[arch.nodeArch]!],
    listenerPath: path,
    ...(metadata === "" ? {} : { listenerMetadata: metadata }),
    syscalls: rules,
  };
}
