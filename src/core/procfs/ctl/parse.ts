import { Errno } from "../../base/errno.ts";
import { fromLatin1 } from "../../base/text.ts";
import type { OpenMode } from "../../vfs/node.ts";
import type { ProcfsOptions } from "../options.ts";

/** Bytes one write may have, white space included. */
const LONGEST_NOTE = 64;
const LONGEST_CTL = 4096;
const LONGEST_CTL_1993 = 8;

/**
 * The words of one write to ctl, each with what stands behind it: separated by newlines or semicolons, at least one. In 1993 one
 * write was one word. As {@link parseWord}.
 */
export function parseWords(data: Uint8Array, options: ProcfsOptions): readonly string[] {
  const text = parseWord("ctl", data, options);
  if (options.profile === "1993") return [text];
  const [first = "", ...others] = text.split(/[\n;]/);
  // White space before the first word is no less wrong than it was when there was only one.
  if (first.trim() === "") throw new Errno("EOPNOTSUPP", "empty word");
  return [first.trimEnd(), ...others.map((word) => word.trim()).filter((word) => word !== "")];
}

const SPACE = " \t\n\v\f\r";

/** In one pass from the end: a regular expression would begin anew at each blank. */
function withoutTrailingSpace(text: string): string {
  let end = text.length;
  while (end > 0 && SPACE.includes(text[end - 1]!)) end--;
  return text.slice(0, end);
}

/**
 * The word of one write. Default: trailing white space removed. 1993, docs/semantics.md, "Control words": 8 bytes for ctl, the text
 * ends at the first NUL, then one newline is removed. EINVAL at an offset, EMSGSIZE, EOPNOTSUPP for the empty word.
 */
export function parseWord(node: "ctl" | "note", data: Uint8Array, options: ProcfsOptions): string {
  const historic = options.profile === "1993";
  const longest = node === "note" ? LONGEST_NOTE : historic ? LONGEST_CTL_1993 : LONGEST_CTL;
  if (data.length > longest) throw new Errno("EMSGSIZE", `${data.length} bytes; ${longest} can be written at a time`);
  const text = fromLatin1(data);
  const word = historic ? text.split("\0", 1)[0]!.replace(/\n$/, "") : withoutTrailingSpace(text);
  if (word === "") throw new Errno("EOPNOTSUPP", "empty word");
  return word;
}

/**
 * Where the next write on one descriptor may be: at 0, or where our own last write left the file position. Historic
 * kernels refused a second write without a seek; docs/semantics.md, "Control words".
 */
export class WordPosition {
  /** undefined: a server before this one knew. */
  #next: number | undefined;

  constructor(mode: OpenMode) {
    this.#next = mode.resumed ? undefined : 0;
  }

  /** EINVAL at any other offset. */
  check(offset: number): void {
    if (offset !== 0 && this.#next !== undefined && offset !== this.#next)
      throw new Errno("EINVAL", `a word is written at offset 0, not ${offset}`);
  }

  advance(offset: number, count: number): void {
    this.#next = offset + count;
  }
}
