import { CTL_WORDS, NODES, SIGNALS } from "../../app/catalogue.ts";
import type { TreeClient } from "../../app/tree-client.ts";
import { Errno } from "../../core/base/errno.ts";
import { utf8 } from "../../core/base/text.ts";
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
  out(text: string): void;
}

interface ShellCommand {
  readonly name: string;
  readonly usage: string;
  readonly doc: string;
  run(state: ShellState, args: readonly string[], stop: AbortSignal): Promise<void>;
}

const XXD_BYTES = 256;

function number(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Errno("EINVAL", `${text} is no number; 0x… is hexadecimal`);
  return value;
}

function operand(args: readonly string[], usage: string): string {
  const [first] = args;
  if (first === undefined) throw new Errno("EINVAL", `usage: ${usage}`);
  return first;
}

/** One row a command of the shell. */
export const SHELL_COMMANDS: readonly ShellCommand[] = [
  {
    name: "ls",
    usage: "ls [-l] [-i] [PATH]",
    doc: "list a directory",
    async run(state, args) {
      const letters = args.filter((arg) => arg.startsWith("-")).join("");
      const path = args.find((arg) => !arg.startsWith("-")) ?? "";
      const flags = { long: letters.includes("l"), inode: letters.includes("i") };
      for (const line of await ls(state.client, resolvePath(state.cwd, path), flags, state.names))
        state.out(`${line}\n`);
    },
  },
  {
    name: "cd",
    usage: "cd [PATH]",
    doc: "change the working directory",
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
    async run(state) {
      state.out(`${state.cwd}\n`);
    },
  },
  {
    name: "cat",
    usage: "cat PATH",
    doc: "print a file",
    async run(state, args, stop) {
      const path = resolvePath(state.cwd, operand(args, "cat PATH"));
      await cat(state.client, path, (bytes) => state.out(Buffer.from(bytes).toString("latin1")), stop);
    },
  },
  {
    name: "xxd",
    usage: "xxd PATH [OFFSET [LENGTH]]",
    doc: "dump bytes of a file: memory, registers",
    async run(state, args, stop) {
      const path = resolvePath(state.cwd, operand(args, "xxd PATH [OFFSET [LENGTH]]"));
      const offset = number(args[1] ?? "0");
      const bytes = await state.client.read(path, offset, number(args[2] ?? String(XXD_BYTES)), stop);
      for (const line of hexdump(bytes, offset)) state.out(`${line}\n`);
    },
  },
  {
    name: "echo",
    usage: "echo WORD > PATH",
    doc: "write a word to a file",
    async run(state, args, stop) {
      const at = args.indexOf(">");
      if (at < 0) {
        state.out(`${args.join(" ")}\n`);
        return;
      }
      const path = resolvePath(state.cwd, operand(args.slice(at + 1), "echo WORD > PATH"));
      await state.client.write(path, utf8(`${args.slice(0, at).join(" ")}\n`), stop);
    },
  },
  {
    name: "help",
    usage: "help",
    doc: "this list",
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
    async run(state) {
      state.done = true;
    },
  },
];
