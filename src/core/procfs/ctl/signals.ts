/**
 * The 32 signal names of 1993, docs/semantics.md, "Signal names": lower case, without SIG. They are mapped by name; the BSD numbers
 * mean nothing here. `emt` and `info` have no counterpart on Linux.
 */
export const SIGNAL_WORDS: readonly string[] = [
  "hup",
  "int",
  "quit",
  "ill",
  "trap",
  "abrt",
  "iot",
  "emt",
  "fpe",
  "kill",
  "bus",
  "segv",
  "sys",
  "pipe",
  "alrm",
  "term",
  "urg",
  "stop",
  "tstp",
  "cont",
  "chld",
  "ttin",
  "ttou",
  "io",
  "xcpu",
  "xfsz",
  "vtalrm",
  "prof",
  "winch",
  "info",
  "usr1",
  "usr2",
];

const WITHOUT_COUNTERPART = new Set(["emt", "info"]);

/** Whether `word` names a signal that the host has. */
export function isSignalWord(word: string): boolean {
  return SIGNAL_WORDS.includes(word) && !WITHOUT_COUNTERPART.has(word);
}
