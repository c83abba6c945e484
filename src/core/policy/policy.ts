import type { Directory } from "./directory.ts";
import type { Setting } from "./rules.ts";
import type { Key, Values } from "./settings.ts";
import type { Place, Problem } from "./statement.ts";

/** A setting and the uids it is for. Plain data: it can be sent to another thread. */
export type Rule = {
  [K in Key]: {
    readonly key: K;
    readonly value: Values[K];
    readonly heading: string;
    readonly place: Place;
    readonly first: number;
    readonly last: number;
    /** Of these only; absent: all from first to last. */
    readonly uids?: ReadonlySet<number>;
  };
}[Key];

/** What an administrator has set, the most specific first. */
export type Policy = readonly Rule[];

export const NO_POLICY: Policy = [];

/** What holds for a uid, each with the rule that says so. */
export type Holding = { readonly [K in Key]?: Extract<Rule, { readonly key: K }> };

const ROOT = 0;
const HIGHEST_ID = 0xffff_fffe;

/** What is more specific is further up; ranges go by their width. */
const LEVELS = { user: 0, group: 1, range: 2, default: 3 } as const;

interface Placed {
  readonly rule: Rule;
  readonly level: number;
  readonly width: number;
  readonly order: number;
}

/**
 * Names become ids, and the settings get the order in which they count: user, group, range, default; of two ranges the narrower
 * one; of equals what is read later. A name that nobody has is a warning, and its rule is for nobody.
 */
export function makePolicy(
  settings: readonly Setting[],
  directory: Directory,
): { readonly policy: Policy; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const placed: Placed[] = [];
  for (const [order, setting] of settings.entries()) {
    const whom = whomOf(setting, directory);
    if ("problem" in whom) {
      const { problem: text, isWarning } = whom;
      // Once a section.
      if (!problems.some((other) => other.text === text)) problems.push({ place: setting.place, text, isWarning });
      continue;
    }
    const { who: _who, ...rest } = setting;
    const rule = { ...rest, ...whom } as Rule;
    placed.push({ rule, level: LEVELS[setting.who.kind], width: rule.last - rule.first, order });
  }
  placed.sort((a, b) => a.level - b.level || (a.level === LEVELS.range ? a.width - b.width : 0) || b.order - a.order);
  return { policy: placed.map(({ rule }) => rule), problems };
}

type Whom =
  | { readonly first: number; readonly last: number; readonly uids?: ReadonlySet<number> }
  | { readonly problem: string; readonly isWarning: boolean };

function whomOf({ who, heading }: Setting, directory: Directory): Whom {
  switch (who.kind) {
    case "default":
      return { first: ROOT + 1, last: HIGHEST_ID };
    case "range":
      return { first: Math.max(ROOT + 1, who.first), last: who.last };
    case "user": {
      const uid = idOf(heading, who.named, "user", directory.uidOf);
      return typeof uid === "number" ? { first: uid, last: uid } : uid;
    }
    case "group": {
      const gid = idOf(heading, who.named, "group", directory.gidOf);
      if (typeof gid !== "number") return gid;
      return { first: 0, last: HIGHEST_ID, uids: directory.membersOf(gid) };
    }
  }
}

function idOf(
  heading: string,
  named: string | number,
  what: "user" | "group",
  find: (name: string) => number | undefined,
): number | { readonly problem: string; readonly isWarning: boolean } {
  const id = find(String(named));
  if (typeof named === "string") {
    return (
      id ?? { problem: `${heading}: /etc/${FILES[what]} has no ${what} ${named}: it is for nobody`, isWarning: true }
    );
  }
  if (id === undefined || id === named) return named;
  const problem = `${heading}: ${named} is an id, and the name of the ${what} whose id is ${id}: say which by its id`;
  return { problem, isWarning: false };
}

const FILES = { user: "passwd", group: "group" } as const;

/** Root is who a section of its own names, and in no group, range or default. */
function isFor({ first, last, uids }: Rule, uid: number): boolean {
  if (uid === ROOT) return first === ROOT && last === ROOT;
  return first <= uid && uid <= last && (uids?.has(uid) ?? true);
}

/**
 * What holds for a uid: of each key the first rule that is for it. Where one says `exempt = true`, nothing that comes after it.
 */
export function holdsFor(policy: Policy, uid: number): Holding {
  const holding: { -readonly [K in Key]?: Rule } = {};
  for (const rule of policy) {
    if (holding[rule.key] || !isFor(rule, uid)) continue;
    holding[rule.key] = rule;
    if (rule.key === "exempt" && rule.value) break;
  }
  return holding as Holding;
}

/** Whether anything of `holding` is a limit. */
export const isLimited = ({ swap, job }: Holding): boolean => swap !== undefined || job !== undefined;

/** The bits for the whole machine, where they are said. */
export function overcommitOf(policy: Policy): number | undefined {
  const rule = policy.find((each) => each.key === "overcommit");
  return rule?.key === "overcommit" ? rule.value : undefined;
}

/** Whether the daemon itself is to put the processes of a uid under accounting, as soon as it hears of them. */
export function isEnrolled(policy: Policy, uid: number): boolean {
  const holding = holdsFor(policy, uid);
  return uid !== ROOT && isLimited(holding) && holding.enrol?.value !== "login";
}
