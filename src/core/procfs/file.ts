import type { Tid } from "../base/brand.ts";
import { Errno } from "../base/errno.ts";
import { fromLatin1, latin1 } from "../base/text.ts";
import type { Caller } from "../vfs/caller.ts";
import type { Handle, OpenMode } from "../vfs/node.ts";
import { chainOutcome, mapOutcome, type Outcome } from "../vfs/parked.ts";
import { readSlice } from "../vfs/slice.ts";
import type { ProcfsOptions } from "./options.ts";
import type { Ports, Process } from "./ports.ts";
import { differ, lesserOf } from "./rights.ts";

/** What an open node knows: the process, who opened it, and the mount. */
export interface OpenContext {
  readonly process: Process;
  /** Of a file of a thread; absent: the process's, which is about the current one. */
  readonly tid?: Tid | undefined;
  /** With the rights it had then. */
  readonly opener: Caller;
  readonly mode: OpenMode;
  readonly ports: Ports;
  readonly options: ProcfsOptions;
}

interface Row {
  readonly name: string;
  /** Its place among a process's eight inode numbers. */
  readonly slot: number;
  /** Permission bits, checked at open against the process's effective uid and gid. */
  readonly mode: number;
  /** One line for the manual. */
  readonly doc: string;
}

/** A row of `table.ts` that is opened. */
export interface ProcFile extends Row {
  readonly kind: "file";
  /** Bytes shown by stat; absent: 0. */
  size?(process: Process): number;
  open(context: OpenContext): Outcome<Handle>;
}

/** A row of `table.ts` that is followed. */
export interface ProcLink extends Row {
  readonly kind: "link";
  target(process: Process, caller: Caller, ports: Ports): Outcome<string>;
}

/** A row of `table.ts` that holds a directory for each thread. */
export interface ProcDir extends Row {
  readonly kind: "dir";
}

/** A row of `root-table.ts`: a file beside the processes, of the server's own user. */
export interface RootFile extends Row {
  open(context: RootContext): Outcome<Handle>;
}

export interface RootContext {
  /** With the rights it had then. */
  readonly opener: Caller;
  readonly mode: OpenMode;
  readonly ports: Ports;
}

export type ProcNode = ProcFile | ProcLink | ProcDir;

/** EMSGSIZE for a text that is longer than anything it could say: nobody else is to wait until it is read. */
export function refuseLong({ length }: Uint8Array, longest: number): void {
  if (length > longest) throw new Errno("EMSGSIZE", `${length} bytes; ${longest} can be written at a time`);
}

const LONGEST_WORDS = 4096;

/** What a write of `name value...` says, trailing white space removed; EINVAL at an offset, EMSGSIZE. */
export function wordsOf(data: Uint8Array, offset: number): string[] {
  if (offset !== 0) throw new Errno("EINVAL", `it is written at offset 0, not ${offset}`);
  refuseLong(data, LONGEST_WORDS);
  return fromLatin1(data).trim().split(/\s+/);
}

/** A number as nodes show it: -1 for none. */
export function orMinusOne(value: number): number {
  return value === Number.POSITIVE_INFINITY ? -1 : value;
}

/** A file of text, one character a byte: rendered once per open, sliced per read, so that no reader sees half of two states. */
export function openText(render: (context: OpenContext) => Outcome<string>): (context: OpenContext) => Outcome<Handle> {
  return (context) =>
    isResumed(context) ? textHandle(context, "") : mapOutcome(render(context), (text) => textHandle(context, text));
}

/** It was opened under a server before this one, whose text goes on: there is nothing to render. */
export function isResumed({ mode }: OpenContext): boolean {
  return mode.resumed?.memo !== undefined;
}

/** As {@link openText} of a text that is there already; one that a server before this one rendered takes its place. */
export function textHandle({ process, mode }: OpenContext, text: string | Uint8Array): Handle {
  const content = mode.resumed?.memo ?? (typeof text === "string" ? latin1(text) : text);
  return {
    memo: content,
    read(_caller, offset, into) {
      if (!process.alive()) throw goneError(process);
      return readSlice(content, offset, into);
    },
  };
}

/** Bytes as they were when the node was opened, for those who may debug the process. */
export function openBytes(context: OpenContext, content: Uint8Array): Handle {
  const bytes = context.mode.resumed?.memo ?? content;
  return {
    memo: bytes,
    read(caller, offset, into) {
      return chainOutcome(mayDebug(context, caller), () => readSlice(bytes, offset, into));
    },
  };
}

/** How to open what is made at open, for those who may debug the process then and at each read: `make` is asked once they may. */
export function openMade(
  make: (context: OpenContext) => Outcome<Uint8Array>,
): (context: OpenContext) => Outcome<Handle> {
  return (context) => {
    if (isResumed(context)) return openBytes(context, new Uint8Array());
    const made = chainOutcome(mayDebug(context, context.opener), () => make(context));
    return mapOutcome(made, (bytes) => openBytes(context, bytes));
  };
}

export function goneError(process: Process): Errno {
  return new Errno("ESRCH", `process ${process.pid} has exited`);
}

/**
 * Both who opened the node and who uses it now must be allowed: a descriptor is no way around the check. Returns who acts,
 * {@link lesserOf}. ESRCH once the process is gone, else EPERM.
 */
export function mayDebug({ ports: { access }, process, opener }: OpenContext, caller: Caller): Outcome<Caller> {
  const user = access.recorded(caller, false);
  const allowed = access.debug(process, user);
  const both = differ(opener, user) ? chainOutcome(allowed, () => access.debug(process, opener)) : allowed;
  return mapOutcome(both, () => lesserOf(opener, user));
}
