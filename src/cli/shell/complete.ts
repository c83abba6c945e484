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
  // Gone, or no directory, or a process that ends meanwhile: what is left is still worth offering.
  const names = await client.list(dir).catch(() => []);
  const choices = names
    // A name that would act on the terminal is not offered.
    .filter((name) => name.startsWith(partial.slice(slash)) && !/\p{Cc}/u.test(name))
    .map(async (name) => {
      const { kind } = await client.stat(`${dir}/${name}`);
      return `${typed}${name}${kind === "dir" ? "/" : " "}`;
    });
  const settled = await Promise.allSettled(choices);
  return settled.flatMap((choice) => (choice.status === "fulfilled" ? [choice.value] : []));
}
