import { Errno } from "../base/errno.ts";
import { didYouMean } from "./nearest.ts";

/** Whom a section is about, as it was written: names are not looked up. */
export type Who =
  | { readonly kind: "default" }
  /** A name, or an id. */
  | { readonly kind: "user" | "group"; readonly named: string | number }
  | { readonly kind: "range"; readonly first: number; readonly last: number };

export const SECTIONS: readonly string[] = ["default", "user", "group", "range"] satisfies readonly Who["kind"][];

/** -1 stands for nobody in system calls. */
const HIGHEST_ID = 0xffff_fffe;

/** What begins so is an id: no name is looked up for it. */
const ID = /^\d+$/;
/** As useradd(8) takes them, and what other systems have: a name is no sign and no number. */
const NAME = /^[A-Za-z_][\w.@\\-]*\$?$|^\d[\w.@\\-]*[A-Za-z_.@\\-][\w.@\\-]*\$?$/;

function id(text: string, what: string): number {
  const number = Number(text);
  if (text.length > 1 && text.startsWith("0"))
    throw new Errno("EINVAL", `${text} is not how an id is written; say ${number}`);
  if (number > HIGHEST_ID) throw new Errno("EINVAL", `${text} is no ${what}; the highest is ${HIGHEST_ID}`);
  return number;
}

function userOrGroup(kind: "user" | "group", text: string): Who {
  const what = kind === "user" ? "uid" : "gid";
  if (ID.test(text)) return { kind, named: id(text, what) };
  if (!NAME.test(text)) throw new Errno("EINVAL", `${JSON.stringify(text)} is neither a name nor a ${what}`);
  return { kind, named: text };
}

function range(text: string): Who {
  const match = /^(\d+)-(\d+)$/.exec(text);
  if (!match) throw new Errno("EINVAL", `${JSON.stringify(text)} is no range of uids; say [range."1000-60000"]`);
  const [first, last] = [id(match[1]!, "uid"), id(match[2]!, "uid")];
  if (last < first) throw new Errno("EINVAL", `${text} ends before it begins; say [range."${last}-${first}"]`);
  return { kind: "range", first, last };
}

/** Whom `[PATH]` is about, and what of the path is left behind it; undefined where it only begins such a heading. EINVAL. */
export function whoOf(path: readonly string[]): { readonly who: Who; readonly rest: readonly string[] } | undefined {
  const [kind, name, ...rest] = path;
  if (kind === "default") return { who: { kind }, rest: path.slice(1) };
  if (kind !== "user" && kind !== "group" && kind !== "range")
    throw new Errno("EINVAL", `there is no section ${kind}${didYouMean(kind ?? "", SECTIONS)}`);
  if (name === undefined) return undefined;
  return { who: kind === "range" ? range(name) : userOrGroup(kind, name), rest };
}
