import { Errno } from "../base/errno.ts";
import { didYouMean } from "./nearest.ts";
import { isKey, KEYS, type Key, readSetting, SETTINGS, type Values } from "./settings.ts";
import type { Place, Problem, Statement } from "./statement.ts";
import { type Who, whoOf } from "./who.ts";

/** One setting of one section. */
export type Setting = {
  [K in Key]: {
    readonly who: Who;
    readonly heading: string;
    readonly place: Place;
    readonly key: K;
    readonly value: Values[K];
  };
}[Key];

/** What the statements of all files say, in their order, and what is wrong with them. */
export interface Reading {
  readonly settings: readonly Setting[];
  readonly problems: readonly Problem[];
}

const BARE = /^[\w-]+$/;

/** As it is written in a file. */
export function headingOf(path: readonly string[]): string {
  return `[${path.map((part) => (BARE.test(part) ? part : JSON.stringify(part))).join(".")}]`;
}

/** Reads settings from statements: whatever is wrong is a problem with its place, and the rest is read. */
export function readSettings(statements: Iterable<Statement>): Reading {
  const settings: Setting[] = [];
  const problems: Problem[] = [];
  /** What a section has said, by file and heading: one that is exempt says nothing else. */
  const said = new Map<string, Setting[]>();
  const wrong = (place: Place, text: string): void => void problems.push({ place, text, isWarning: false });
  /** A heading that is wrong is told once, and what stands below it not at all. */
  let wrongHeading: readonly string[] | undefined;
  for (const statement of statements) {
    const isHeading = !("value" in statement);
    if (isHeading) wrongHeading = undefined;
    else if (wrongHeading?.every((part, i) => part === statement.path[i])) continue;
    try {
      const setting = read(statement);
      if (!setting) continue;
      settings.push(setting);
      const section = `${setting.place.file}\n${setting.heading}`;
      const others = said.get(section) ?? [];
      said.set(section, others);
      others.push(setting);
    } catch (error) {
      if (!(error instanceof Misplaced)) throw error;
      if (isHeading) wrongHeading = statement.path;
      wrong(error.place, error.reason);
    }
  }
  for (const section of said.values()) {
    const exempt = section.find((setting) => setting.key === "exempt" && setting.value);
    const limit = section.find(({ key }) => key === "swap" || key === "job");
    if (exempt && limit) wrong(exempt.place, `${exempt.heading} is exempt and has ${limit.key} as well: take one away`);
  }
  return { settings, problems };
}

class Misplaced extends Errno {
  readonly place: Place;

  constructor(place: Place, reason: string) {
    super("EINVAL", reason);
    this.place = place;
  }
}

function at<T>(place: Place, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Errno) throw new Misplaced(place, error.reason);
    throw error;
  }
}

function read(statement: Statement): Setting | undefined {
  const { path, place, valuePlace } = statement;
  const isHeading = !("value" in statement);
  const found = at(place, () => whoOf(path));
  if (!found) {
    if (isHeading) return undefined;
    throw new Misplaced(place, `${path[0]} is a section and no setting: say ${headingOf([path[0]!, "NAME"])} above it`);
  }
  const { who, rest } = found;
  const section = path.slice(0, path.length - rest.length);
  const heading = headingOf(section);
  if (isHeading) {
    if (rest.length === 0) return undefined;
    const name = headingOf([section[0]!, [...section.slice(1), ...rest].join(".")]);
    const hint = who.kind === "default" ? "" : `; a name with a dot is quoted: ${name}`;
    throw new Misplaced(place, `nothing belongs inside ${heading}${hint}`);
  }
  if (rest.length > 1) throw new Misplaced(place, `${rest[0]} of ${heading} has no settings of its own`);
  const [key] = rest;
  if (key === undefined) throw new Misplaced(place, `${heading} is a section: its settings stand below that line`);
  if (!isKey(key)) throw new Misplaced(place, `there is no setting ${key}${didYouMean(key, KEYS)}`);
  if (SETTINGS[key].onlyDefault && who.kind !== "default")
    throw new Misplaced(place, `${key} is about the whole machine: it belongs into [default]`);
  if (key === "swap" && who.kind === "user" && (who.named === 0 || who.named === "root"))
    throw new Misplaced(place, "swap does not bind root, who is counted and not refused: say job, which does");
  const value = at(valuePlace, () => readSetting(key, statement.value));
  return { who, heading, place, key, value } as Setting;
}
