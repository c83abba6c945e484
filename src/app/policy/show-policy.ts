import type { Directory } from "../../core/policy/directory.ts";
import { holdsFor, type Policy, type Rule } from "../../core/policy/policy.ts";
import { KEYS, type Key, SETTINGS } from "../../core/policy/settings.ts";
import { formatPlace } from "../../core/policy/statement.ts";

function textOf<K extends Key>(rule: Extract<Rule, { readonly key: K }>): string {
  const { format } = SETTINGS[rule.key] as { format(value: unknown): string };
  return format(rule.value);
}

/** `key value place heading`, in columns. */
function table(rules: readonly Rule[]): string[] {
  const rows = rules.map((rule) => [rule.key, textOf(rule), formatPlace(rule.place), rule.heading]);
  const widths = [0, 1, 2].map((i) => Math.max(0, ...rows.map((row) => row[i]!.length)));
  return rows.map((row) => row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]!) : cell)).join("  "));
}

/** What holds for a uid and which line says so. */
export function showUid(policy: Policy, uid: number, { nameOf }: Directory): string[] {
  const holding = holdsFor(policy, uid);
  const rules = KEYS.filter((key) => key !== "overcommit").flatMap((key) => holding[key] ?? []);
  const name = nameOf(uid);
  const heading = name === undefined ? `uid ${uid}` : `uid ${uid} (${name})`;
  return [heading, ...(rules.length === 0 ? ["nothing is said of it: no limit"] : table(rules))];
}

/** All rules, the most specific first. */
export function showAll(policy: Policy): string[] {
  return policy.length === 0 ? ["no limits are said"] : table(policy);
}

/** The name of a user, or a uid. undefined: neither. */
export function uidNamed(text: string, { uidOf }: Directory): number | undefined {
  return uidOf(text) ?? (/^\d{1,10}$/.test(text) ? Number(text) : undefined);
}
