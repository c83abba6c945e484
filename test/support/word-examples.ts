import type { CtlWord } from "../../src/core/procfs/ctl/words.ts";

const ARGUMENTS: Readonly<Record<string, string>> = {
  thread: "447",
  break: "0x401136",
  clear: "all",
  watch: "0x404000 8 w",
  trace: "call mmap brk",
  until: "0x401136",
  ignore: "usr1 alrm",
  catch: "all",
};

/** The word with what has to stand behind it. */
export function exampleOf({ word }: Pick<CtlWord, "word">): string {
  return ARGUMENTS[word] === undefined ? word : `${word} ${ARGUMENTS[word]}`;
}
