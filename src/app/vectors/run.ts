import { SwapLedger } from "../../core/charges/swap-ledger.ts";
import { UidInfo } from "../../core/charges/uidinfo.ts";
import { UNLIMITED } from "../../core/charges/unlimited.ts";
import { recount } from "../../core/vm/invariants.ts";
import { RULE_SETS, type RuleSetName } from "../../core/vm/rules/rule-sets.ts";
import type { VmState } from "../../core/vm/snapshot.ts";
import { Vm } from "../../core/vm/vm.ts";
import { compareStates, type Difference } from "./compare.ts";
import { MAKES, OPS } from "./ops.ts";
import { type Operation, type ReserveVector, type Scenario, type Step, VectorsError } from "./schema.ts";
import { UnknownName, World } from "./world.ts";

/** What became of one step. */
export interface StepResult {
  readonly step: Step;
  readonly results: readonly { readonly op: Operation; readonly result: string }[];
  readonly state: VmState;
  /** What is not as expected; empty when all is. */
  readonly differences: readonly Difference[];
}

/** Carries out a scenario, step by step. `place` is where it stands in its file, for a {@link VectorsError}. */
export function* runScenario(scenario: Scenario, rules: RuleSetName, place: string): IterableIterator<StepResult> {
  const world = prepare(scenario, rules);
  for (const [i, step] of scenario.steps.entries()) {
    const wrong: Difference[] = [];
    const results = step.ops.map((op, j) => {
      const result = runOperation(world, op, `${place}.steps[${i}].ops[${j}]`);
      if (op.result !== undefined && normal(op.result) !== result) {
        wrong.push(`${op.op}: expected ${normal(op.result)}, got ${result}`);
      }
      return { op, result };
    });
    const state = world.snapshot();
    if (step.expect) wrong.push(...compareStates(step.expect, state, !step.corrupt));
    wrong.push(...recount(world.vm));
    yield { step, results, state, differences: wrong };
  }
}

function prepare({ config, procs, vnodes }: Scenario, rules: RuleSetName): World {
  const world = new World(
    new Vm({
      rules: RULE_SETS[rules],
      overcommit: config.overcommit,
      swapTotal: config.swapTotalPages ?? UNLIMITED,
      pageCount: config.physPages,
      freeReserved: config.freeReservedPages,
      wired: config.wiredPages,
      stackGrowPages: config.stackGrowPages,
    }),
  );
  for (const { name, ruid, euid = ruid, jailed, rlimitSwapPages } of procs) {
    world.procs.set(name, world.vm.spawn({ ruid, euid, jailed, rlimitSwap: rlimitSwapPages ?? UNLIMITED }));
  }
  for (const { name, pages } of vnodes) world.addVnode(name, pages);
  return world;
}

/** `ok` and `OK` are the same. */
function normal(result: string): string {
  return result.toLowerCase() === "ok" ? "OK" : result;
}

function runOperation(world: World, op: Operation, place: string): string {
  const prefix = MAKES[op.op];
  const named = op.result !== undefined && !/^[A-Z_]+$/i.test(op.result) ? op.result : undefined;
  const made = prefix === undefined ? "" : (named ?? world.freshName(prefix, 1));
  try {
    return OPS[op.op]!.run(world, op as never, made);
  } catch (error) {
    if (error instanceof UnknownName) throw new VectorsError(`${place}.${error.key}`, error.message);
    throw error;
  }
}

/** The differences of one reserve vector. */
export function checkReserve(vector: ReserveVector): Difference[] {
  const payer = new UidInfo(1001);
  const ledger = new SwapLedger({
    overcommit: vector.overcommit,
    swapTotal: vector.swapTotal ?? UNLIMITED,
    pageCount: vector.phys,
    freeReserved: vector.freeReserved,
    wired: vector.wired,
  });
  ledger.force(vector.uidBefore, payer);
  ledger.force(vector.reservedBefore - vector.uidBefore, new UidInfo(0));
  const by = { euid: vector.euid, jailed: vector.jailed, rlimitSwap: vector.rlimit ?? UNLIMITED, pid: 1 };
  const got = { ok: ledger.reserve(vector.incr, payer, by), reserved: ledger.reserved, uid: payer.vmsize };
  const expected = { ok: vector.ok, reserved: vector.reservedAfter, uid: vector.uidAfter };
  return JSON.stringify(got) === JSON.stringify(expected)
    ? []
    : [`expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`];
}
