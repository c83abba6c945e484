import { Errno } from "../../core/base/errno.ts";

/** Splits a line into words; '…' and "…" keep blanks, # begins a comment, > is a word of its own. EINVAL: open quote. */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  const pattern = /\s*(?:(#.*)|(>)|((?:'[^']*'|"[^"]*"|[^\s'"#>])+)|(['"]))/y;
  for (let match = pattern.exec(line); match; match = pattern.exec(line)) {
    const [, , redirect, word, quote] = match;
    if (quote !== undefined) throw new Errno("EINVAL", `${quote} without its end`);
    if (redirect !== undefined) words.push(redirect);
    if (word !== undefined)
      words.push(word.replace(/'([^']*)'|"([^"]*)"/g, (_, a?: string, b?: string) => a ?? b ?? ""));
  }
  return words;
}
