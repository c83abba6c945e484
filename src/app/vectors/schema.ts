import * as v from "valibot";
import { RULE_SETS, type RuleSetName } from "../../core/vm/rules/rule-sets.ts";
import type { VmState } from "../../core/vm/snapshot.ts";
import { count, MOST_PAGES, OPS, threeBits } from "./ops.ts";

/** A vectors file: `lyonnais vm check|run`. All amounts in pages; a limit of null is none. */
export interface VectorsFile {
  readonly meta?: { readonly rules?: RuleSetName | undefined } | undefined;
  readonly reserve: readonly ReserveVector[];
  readonly scenarios: readonly Scenario[];
}

/** One call of swap_reserve_by_uid; the payer is uid 1001. */
export interface ReserveVector {
  readonly name: string;
  readonly overcommit: number;
  readonly swapTotal: number | null;
  readonly phys: number;
  readonly freeReserved: number;
  readonly wired: number;
  readonly reservedBefore: number;
  readonly uidBefore: number;
  readonly rlimit: number | null;
  readonly incr: number;
  readonly euid: number;
  readonly jailed: boolean;
  readonly ok: boolean;
  readonly reservedAfter: number;
  readonly uidAfter: number;
}

export interface Scenario {
  readonly id: string;
  readonly title: string;
  readonly config: ScenarioConfig;
  readonly procs: readonly ScenarioProc[];
  readonly vnodes: readonly { readonly name: string; readonly pages: number }[];
  readonly steps: readonly Step[];
}

export interface ScenarioConfig {
  readonly overcommit: number;
  readonly swapTotalPages: number | null;
  readonly physPages: number;
  readonly freeReservedPages: number;
  readonly wiredPages: number;
  readonly stackGrowPages: number;
}

export interface ScenarioProc {
  readonly name: string;
  readonly ruid: number;
  readonly euid?: number | undefined;
  readonly jailed: boolean;
  readonly rlimitSwapPages: number | null;
}

export interface Step {
  readonly text: string;
  readonly ops: readonly Operation[];
  readonly note?: string | null | undefined;
  /** Without it the step is only carried out. */
  readonly expect?: VmState | undefined;
  /** Upstream's totals are wrong here; ours must equal what is held instead (docs/semantics.md, "Deviations"). */
  readonly corrupt: boolean;
}

/** The arguments are those of the row of `OPS` that {@link op} names. */
export interface Operation {
  readonly op: string;
  readonly result?: string | undefined;
}

/** What `meta.rules` and `--rules` may say. */
export const RULE_SET_NAMES: readonly RuleSetName[] = Object.keys(RULE_SETS) as RuleSetName[];

const limit = v.nullish(count, null);

const operation: v.GenericSchema<unknown, Operation> = v.lazy((input) => {
  const name = typeof input === "object" && input !== null && "op" in input ? input.op : undefined;
  const row = typeof name === "string" && Object.hasOwn(OPS, name) ? OPS[name] : undefined;
  return (
    row?.schema ?? v.object({ op: v.picklist(Object.keys(OPS), (issue) => `unknown operation ${issue.received}`) })
  );
});

const charge = v.nullable(v.object({ uid: count, pages: count }));

const entry = v.object({
  start: count,
  end: count,
  prot: v.string(),
  inherit: v.string(),
  cow: v.boolean(),
  nc: v.boolean(),
  charge,
  object: v.nullable(v.string()),
  offset: count,
  wired: v.exactOptional(v.boolean()),
  growsDown: v.exactOptional(v.boolean()),
  avail: v.exactOptional(count),
});

const state: v.GenericSchema<unknown, VmState> = v.object({
  global: count,
  uid: v.record(v.string(), count),
  maps: v.record(
    v.string(),
    v.union([
      v.object({ ruid: count, shares: v.string() }),
      v.object({ ruid: count, euid: count, entries: v.array(entry) }),
    ]),
  ),
  objects: v.record(
    v.string(),
    v.object({
      type: v.string(),
      size: count,
      ref: count,
      shadow: count,
      charge,
      backing: v.nullable(v.string()),
      backingOffset: count,
      oneMapping: v.exactOptional(v.boolean()),
    }),
  ),
});

const scenario = v.object({
  id: v.string(),
  title: v.optional(v.string(), ""),
  config: v.optional(
    v.object({
      overcommit: v.optional(threeBits, 0),
      swapTotalPages: limit,
      physPages: v.optional(count, 0),
      freeReservedPages: v.optional(count, 0),
      wiredPages: v.optional(count, 0),
      stackGrowPages: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST_PAGES)), 32),
    }),
    {},
  ),
  procs: v.array(
    v.object({
      name: v.string(),
      ruid: count,
      euid: v.optional(count),
      jailed: v.optional(v.boolean(), false),
      rlimitSwapPages: limit,
    }),
  ),
  vnodes: v.optional(v.array(v.object({ name: v.string(), pages: count })), []),
  steps: v.array(
    v.object({
      text: v.optional(v.string(), ""),
      ops: v.array(operation),
      note: v.nullish(v.string()),
      expect: v.optional(state),
      corrupt: v.optional(v.boolean(), false),
    }),
  ),
});

const reserve = v.object({
  name: v.string(),
  overcommit: threeBits,
  swapTotal: limit,
  phys: v.optional(count, 0),
  freeReserved: v.optional(count, 0),
  wired: v.optional(count, 0),
  reservedBefore: count,
  uidBefore: count,
  rlimit: limit,
  incr: count,
  euid: count,
  jailed: v.optional(v.boolean(), false),
  ok: v.boolean(),
  reservedAfter: count,
  uidAfter: count,
});

const file: v.GenericSchema<unknown, VectorsFile> = v.object({
  meta: v.optional(v.looseObject({ rules: v.optional(v.picklist(RULE_SET_NAMES)) })),
  reserve: v.optional(v.array(reserve), []),
  scenarios: v.optional(v.array(scenario), []),
});

/** A file that is not what it should be: `place` is where, as `scenarios[3].steps[0].ops[1].prot`. */
export class VectorsError extends Error {
  readonly place: string;

  constructor(place: string, problem: string) {
    super(`${place}: ${problem}`);
    this.place = place;
  }
}

/** Checks that `value`, a parsed JSON text, is a vectors file. Throws {@link VectorsError} for the first thing that is not. */
export function parseVectors(value: unknown): VectorsFile {
  const parsed = v.safeParse(file, value);
  if (parsed.success) {
    const { reserve, scenarios } = parsed.output;
    if (reserve.length + scenarios.length > 0) return parsed.output;
    throw new VectorsError("the file", "has neither reserve vectors nor scenarios");
  }
  const [issue] = parsed.issues;
  const message =
    issue.expected === "never" ? `there is no such key here` : issue.message.replace(/^Invalid \w+: /, "");
  throw new VectorsError(placeOf(issue.path?.map(({ key }) => key) ?? []), message);
}

function placeOf(keys: readonly unknown[]): string {
  const text = keys.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return text.replace(/^\./, "") || "the file";
}
