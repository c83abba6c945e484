import { CTL_WORDS, SIGNALS } from "../../app/catalogue.ts";
import type { TreeClient } from "../../app/tree-client.ts";
import { SHELL_COMMANDS } from "./commands.ts";
import { resolvePath } from "./path.ts";

/**
 * What the last word of `line` may go on as, and that word: command names first, then paths of the tree; behind `echo`
 * the control words and signal names.
 */
export async function complete(line: string, cwd: string, client: TreeClient): Promise<[string[], string]> {
  const words = line.split(/\s+/);
  const last = words.at(-1) ?? "";
  const matching = (names: readonly string[]): [string[], string] => [
    names.filter((name) => name.startsWith(last)),
    last,
  ];
  if (words.length <= 1) return matching(SHELL_COMMANDS.map(({ name }) => `${name} `));
  if (words[0] === "echo" && !line.includes(">")) {
    return matching([...CTL_WORDS.map(({ word }) => word), ...SIGNALS].map((word) => `${word} `));
  }
  return [await pathsFrom(last, cwd, client), last];
}

async function pathsFrom(partial: string, cwd: string, client: TreeClient): Promise<string[]> {
  const slash = partial.lastIndexOf("/") + 1;
  const typed = partial.slice(0, slash);
  const dir = resolvePath(cwd, typed);
  try {
    const names = (await client.list(dir)).filter((name) => name.startsWith(partial.slice(slash)));
    return await Promise.all(
      names.map(async (name) => `${typed}${name}${(await client.stat(`${dir}/${name}`)).kind === "dir" ? "/" : " "}`),
    );
  } catch {
    // Nothing there to complete from: gone, or no directory.
    return [];
  }
}
