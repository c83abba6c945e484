import { Errno } from "../core/base/errno.ts";
import { DEFAULT_OPTIONS, type ProcfsOptions } from "../core/procfs/options.ts";

/** What `-o` may hold: one row a word. The manual and the completion are made from this. */
interface OptionRow {
  readonly word: string;
  readonly doc: string;
  readonly set: { readonly live?: Partial<ProcfsOptions>; readonly allowOther?: true };
}

export const MOUNT_OPTIONS: readonly OptionRow[] = [
  { word: "allow_other", doc: "let other users in, each with its own rights", set: { allowOther: true } },
  { word: "ro", doc: "refuse every write: nothing can be controlled", set: { live: { readOnly: true } } },
  {
    word: "profile=1993",
    doc: "the historic limits: words of 8 bytes, names unescaped",
    set: { live: { profile: "1993" } },
  },
  { word: "holes=zero", doc: "unmapped memory reads as zero bytes", set: { live: { holes: "zero" } } },
  {
    word: "control=process",
    doc: "only the process that attached controls its target",
    set: { live: { control: "process" } },
  },
  { word: "curproc=link", doc: "curproc is a symbolic link", set: { live: { curproc: "link" } } },
];

export interface MountSettings {
  readonly live: ProcfsOptions;
  readonly allowOther: boolean;
}

/** Reads the comma-separated words of `-o`. EINVAL names the word that is none. */
export function parseMountOptions(text: string): MountSettings {
  let live = DEFAULT_OPTIONS;
  let allowOther = false;
  for (const word of text.split(",")) {
    if (word === "") continue;
    const row = MOUNT_OPTIONS.find((candidate) => candidate.word === word);
    if (!row) {
      throw new Errno("EINVAL", `no mount option ${word}; there are ${MOUNT_OPTIONS.map((o) => o.word).join(", ")}`);
    }
    live = { ...live, ...row.set.live };
    allowOther ||= row.set.allowOther ?? false;
  }
  return { live, allowOther };
}
