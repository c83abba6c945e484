import { FREEBSD } from "./freebsd.ts";
import type { VmRules } from "./rules.ts";
import { SEED } from "./seed.ts";

export type RuleSetName = VmRules["name"];

/** The rule sets there are; one is chosen when a `Vm` is made. */
export const RULE_SETS: Readonly<Record<RuleSetName, VmRules>> = { freebsd: FREEBSD, seed: SEED };
