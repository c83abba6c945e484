import assert from "node:assert/strict";
import type { Pid, Tid } from "../../src/core/base/brand.ts";
import { Errno } from "../../src/core/base/errno.ts";
import { DEFAULT_OPTIONS, type ProcfsOptions } from "../../src/core/procfs/options.ts";
import type { Ports, Process, ProcessInfo } from "../../src/core/procfs/ports.ts";
import { Quotas } from "../../src/core/procfs/quotas.ts";
import { PROC_NODES, ROOT_FILES } from "../../src/core/procfs/table.ts";
import { procFileSystem } from "../../src/core/procfs/tree.ts";
import type { Caller } from "../../src/core/vfs/caller.ts";
import type { FileNode, Handle, OpenMode } from "../../src/core/vfs/node.ts";
import { readSlice } from "../../src/core/vfs/slice.ts";
import { walk } from "../../src/core/vfs/walk.ts";
import { paperAccounts } from "./paper-accounts.ts";
import { paperBreakpoints } from "./paper-breakpoints.ts";
import { paperInspection } from "./paper-inspection.ts";

/** One past the highest address. */
export const TOP = 0x10000;
export const ROOT: Caller = { tid: 7 as Tid, uid: 0, gid: 0 };
export const OWNER: Caller = { tid: 8 as Tid, uid: 11, gid: 20 };
export const OTHER: Caller = { tid: 9 as Tid, uid: 12, gid: 21 };

export const INFO: ProcessInfo = {
  comm: "cat",
  pid: 446 as Pid,
  ppid: 439,
  pgrp: 400,
  session: 81,
  tty: { major: 12, minor: 0 },
  sessionHasTty: true,
  sessionLeader: false,
  start: { sec: 748620684, usec: 270000 },
  user: { sec: 0, usec: 0 },
  system: { sec: 0, usec: 20000 },
  waitChannel: "",
  euid: 11,
  egid: 20,
  groups: [20, 20, 0, 21, 117].slice(1),
};

const NAMES = { general: "regs", floating: "fpregs", debug: "dbregs" };

export interface PaperOptions {
  /** Who may not debug the process. */
  readonly refuse?: (caller: Caller) => boolean;
  readonly info?: Partial<ProcessInfo>;
}

/** A machine on paper with one process, 446, of uid 11, of which threads 446 and 447 are listed and 8 asks: records what is asked of it. */
export function paperMachine({ refuse = () => false, info = {} }: PaperOptions = {}) {
  const calls: string[] = [];
  /** Whose rights were noted down, and whether afresh. */
  const recorded: string[] = [];
  /** Register i is the bytes 8i to 8i+7, which are their own offsets at first. */
  const registers = Uint8Array.from({ length: 216 }, (_, i) => i);
  let alive = true;
  const image = "one program";
  const process: Process = {
    pid: 446 as Pid,
    life: 4711,
    alive: () => alive,
    owner: () => ({ uid: 11, gid: 20 }),
    info: () => ({ ...INFO, ...info }),
    threads: () => [447 as Tid, 446 as Tid],
    size: () => 118784,
    executable: () => "/bin/cat",
  };
  const memory = new Uint8Array(8192);
  const word = (name: string) => (): undefined => {
    calls.push(name);
  };
  const ports: Ports = {
    quotas: new Quotas(),
    clock: { after: () => () => {} },
    accounts: paperAccounts(calls),
    history: {
      today: () => Buffer.from("a quiet day\n"),
      events: () => ({ log: { next: 1, ended: true, read: () => ({ text: "", next: 1 }) }, close: () => {} }),
    },
    processes: {
      pids: () => [446 as Pid],
      find: (pid) => (alive && pid === 446 ? process : undefined),
      begun: () => process,
      ofThread: (tid) => (alive && [8, 446, 447].includes(tid) ? process : undefined),
      limit: () => 32768,
    },
    access: {
      recorded: (caller, afresh) => {
        recorded.push(`${caller.uid} ${afresh}`);
        return caller.uid === 0 ? { fullRoot: true, ...caller } : caller;
      },
      debug: (_process, caller) => {
        if (!alive) throw new Errno("ESRCH", "gone");
        if (refuse(caller)) throw new Errno("EPERM", "refused");
      },
    },
    memory: {
      top: TOP,
      pageSize: 4096,
      open: () => ({
        image,
        read: (address, into) => {
          assert.ok(address + into.length <= TOP, `read of ${into.length} bytes at ${address}, above all memory`);
          if (address < 4096 || address >= 12288) throw new Errno("EFAULT", "hole");
          const part = memory.subarray(address - 4096, address - 4096 + into.length);
          into.set(part);
          return part.length;
        },
        write: (address, data) => {
          assert.ok(address + data.length <= TOP, `write of ${data.length} bytes at ${address}, above all memory`);
          if (address < 4096 || address >= 12288) throw new Errno("EFAULT", "hole");
          const room = Math.min(data.length, 12288 - address);
          memory.set(data.subarray(0, room), address - 4096);
          return room;
        },
        close: word("close mem"),
      }),
    },
    executables: {
      open: () => ({
        read: (offset, into) => readSlice(new Uint8Array([127, 69, 76, 70]), offset, into),
        close: word("close file"),
      }),
    },
    signals: {
      note: (_process, callers, signal) => calls.push(`note ${signal} by ${callers.map(({ uid }) => uid)}`),
      noteGroup: (_process, _callers, signal) => calls.push(`notepg ${signal}`),
    },
    inspection: paperInspection(),
    breakpoints: paperBreakpoints(calls),
    tracer: {
      registerSizes: { general: 216, floating: 512, debug: 64 },
      attach: word("attach"),
      detach: word("detach"),
      run: word("run"),
      step: word("step"),
      wait: word("wait"),
      halt: word("halt"),
      why: (_process, tid) =>
        tid === undefined ? "signal 11 segv addr 0x0 code mapping thread 446 pc 0x401136" : "held",
      choose: (_process, _caller, tid) => {
        calls.push(`thread ${tid}`);
      },
      isStopped: () => true,
      events: () => ({ log: { next: 1, ended: false, read: () => ({ text: "", next: 1 }) }, close: () => {} }),
      release: word("release"),
      deliver: () => false,
      readRegisters: (_process, callers, { set }) => {
        calls.push(`${NAMES[set]} by ${callers.map(({ uid }) => uid)}`);
        return set === "general" ? registers.slice() : new Uint8Array(512).fill(7);
      },
      writeRegisters: (_process, callers, { set, offset, data, tid }) => {
        const whose = tid === undefined ? "" : ` of ${tid}`;
        calls.push(`${NAMES[set]} ${offset}+${data.length}${whose} by ${callers.map(({ uid }) => uid)}`);
        if (set === "general") registers.set(data, offset);
      },
    },
  };
  return {
    ports,
    calls,
    recorded,
    memory,
    registers,
    kill: () => {
      alive = false;
    },
  };
}

/** Opens a file by its path as its permission bits allow root. */
export function open(
  machine: ReturnType<typeof paperMachine>,
  name: string,
  caller = ROOT,
  options: Partial<ProcfsOptions> = {},
  exclusive = false,
  resumed?: OpenMode["resumed"],
): Handle {
  const fs = procFileSystem(machine.ports, { ...DEFAULT_OPTIONS, ...options });
  const rows: readonly { readonly name: string; readonly mode: number }[] = [...PROC_NODES, ...ROOT_FILES];
  const row = rows.find((candidate) => candidate.name === name)!;
  const path = ROOT_FILES.some((file) => file.name === name) ? name : `446/${name}`;
  const node = walk(fs.root, path, caller) as FileNode;
  const mode = { read: (row.mode & 0o444) !== 0, write: (row.mode & 0o222) !== 0, exclusive };
  return node.open(caller, resumed ? { ...mode, resumed } : mode) as Handle;
}

export const bytes = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** What a file has, read in one go. */
export function textOf(handle: Handle, caller: Caller = ROOT): string {
  const into = new Uint8Array(4096);
  return String.fromCharCode(...into.subarray(0, handle.read!(caller, 0, into) as number));
}
