/** How much of the caller's surroundings shares its control: its session, or only the process itself. */
export type ControlScope = "session" | "process";

/** How a mount differs from the default; one field an option of `mount -o`. */
export interface ProcfsOptions {
  /** `1993`: words of at most 8 bytes, one newline removed and no other white space, names in status unescaped. */
  readonly profile: "default" | "1993";
  /** `zero`: unmapped memory reads as zero bytes and not as EFAULT. */
  readonly holes: "error" | "zero";
  /** `link`: curproc is a symbolic link to the caller's pid and not a directory. */
  readonly curproc: "dir" | "link";
  readonly readOnly: boolean;
  /** Who shares control of an attached process with the one that attached it. */
  readonly control: ControlScope;
  /** What `file` is: a symbolic link, or the executable's bytes for those who cannot follow one. */
  readonly executable: "link" | "contents";
}

export const DEFAULT_OPTIONS: ProcfsOptions = {
  profile: "default",
  holes: "error",
  curproc: "dir",
  readOnly: false,
  control: "session",
  executable: "link",
};
