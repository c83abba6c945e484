import { CTL_WORDS, NODES, SIGNALS } from "../../app/catalogue.ts";
import type { TreeClient } from "../../app/tree-client.ts";
import { Errno } from "../../core/base/errno.ts";
import { fromLatin1, utf8 } from "../../core/base/text.ts";
import { cat, ls } from "../actions.ts";
import { hexdump } from "../hexdump.ts";
import type { Names } from "../names.ts";
import { resolvePath } from "./path.ts";

/** What a command works with. */
export interface ShellState {
  readonly client: TreeClient;
  readonly names: Names;
  cwd: string;
  /** Set by `exit`. */
  done: boolean;
  /** One character a byte. */
  out(text: string): void;
}

interface ShellCommand {
  readonly name: string;
  readonly usage: string;
  readonly doc: string;
  /** How many words may follow the name. */
  readonly args: readonly [least: number, most: number];
  run(state: ShellState, args: readonly string[], stop: AbortSignal): Promise<void>;
}

const XXD_BYTES = 256;

function number(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Errno("EINVAL", `${text} is no number; 0x… is hexadecimal`);
  return value;
}

/** EINVAL: the command was called in another way than its usage says. */
export const usageError = ({ usage }: { readonly usage: string }): Errno => new Errno("EINVAL", `usage: ${usage}`);

/** One row a command of the shell. */
export const SHELL_COMMANDS: readonly ShellCommand[] = [
  {
    name: "ls",
    usage: "ls [-l] [-i] [PATH]",
    doc: "list a directory",
    args: [0, 3],
    async run(state, args) {
      const letters = args.filter((arg) => arg.startsWith("-")).join("");
      const [path = "", ...more] = args.filter((arg) => !arg.startsWith("-"));
      if (more.length > 0 || /[^-li]/.test(letters)) throw usageError(this);
      const flags = { long: letters.includes("l"), inode: letters.includes("i") };
      for (const line of await ls(state.client, resolvePath(state.cwd, path), flags, state.names))
        state.out(`${line}\n`);
    },
  },
  {
    name: "cd",
    usage: "cd [PATH]",
    doc: "change the working directory",
    args: [0, 1],
    async run(state, args) {
      const path = resolvePath(state.cwd, args[0] ?? "/");
      if ((await state.client.stat(path)).kind !== "dir") throw new Errno("ENOTDIR", `${path} is not a directory`);
      state.cwd = path;
    },
  },
  {
    name: "pwd",
    usage: "pwd",
    doc: "print the working directory",
    args: [0, 0],
    async run(state) {
      state.out(`${state.cwd}\n`);
    },
  },
  {
    name: "cat",
    usage: "cat PATH...",
    doc: "print files",
    args: [1, Number.POSITIVE_INFINITY],
    async run(state, args, stop) {
      for (const path of args) {
        await cat(state.client, resolvePath(state.cwd, path), (bytes) => state.out(fromLatin1(bytes)), stop);
      }
    },
  },
  {
    name: "xxd",
    usage: "xxd PATH [OFFSET [LENGTH]]",
    doc: "dump bytes of a file: memory, registers",
    args: [1, 3],
    async run(state, args, stop) {
      const path = resolvePath(state.cwd, args[0]!);
      const offset = number(args[1] ?? "0");
      const bytes = await state.client.read(path, offset, number(args[2] ?? String(XXD_BYTES)), stop);
      for (const line of hexdump(bytes, offset)) state.out(`${line}\n`);
    },
  },
  {
    name: "echo",
    usage: "echo WORD > PATH",
    doc: "write a word to a file",
    args: [0, Number.POSITIVE_INFINITY],
    async run(state, args, stop) {
      const at = args.indexOf(">");
      if (at < 0) {
        state.out(`${args.join(" ")}\n`);
        return;
      }
      const [path, ...more] = args.slice(at + 1);
      if (path === undefined || more.length > 0) throw usageError(this);
      await state.client.write(resolvePath(state.cwd, path), utf8(`${args.slice(0, at).join(" ")}\n`), stop);
    },
  },
  {
    name: "help",
    usage: "help",
    doc: "this list",
    args: [0, 0],
    async run(state) {
      for (const { usage, doc } of SHELL_COMMANDS) state.out(`  ${usage.padEnd(28)} ${doc}\n`);
      state.out("files of a process:\n");
      for (const { name, doc } of NODES) state.out(`  ${name.padEnd(28)} ${doc}\n`);
      state.out("words for ctl:\n");
      for (const { word, doc } of CTL_WORDS) state.out(`  ${word.padEnd(28)} ${doc}\n`);
      state.out(`and the signal names, for ctl, note and notepg:\n  ${SIGNALS.join(" ")}\n`);
    },
  },
  {
    name: "exit",
    usage: "exit",
    doc: "leave; what is attached runs on",
    args: [0, 0],
    async run(state) {
      state.done = true;
    },
  },
];
