import type { Tid } from "../../src/core/base/brand.ts";
import type { CodePort, Patch } from "../../src/core/trace/code-port.ts";

/** Memory and registers on paper: where threads stand, what breakpoints are planted, and what is asked for. */
export interface PaperCode extends CodePort {
  /** Where each thread stands. */
  readonly counters: Map<Tid, number>;
  readonly registers: Map<string, bigint>;
  /** Breakpoint instructions that are in memory. */
  readonly planted: Set<number>;
  /** Addresses without memory, and those of system calls. */
  readonly holes: Set<number>;
  readonly calls: Set<number>;
  readonly log: string[];
  /** What waits to be done: filled where `later` is set. */
  readonly waiting: (() => void)[];
  later: boolean;
  /** Which debug registers of a thread have matched. */
  readonly touched: Map<Tid, readonly number[]>;
  readonly memory: Map<number, number>;
  /** The thread executes the breakpoint instruction at this address. */
  trap(tid: Tid, address: number): void;
}

const BEHIND = 1;

/** `into`: where what is asked for is noted. */
export function paperCode(into: string[] = []): PaperCode {
  const planted = new Set<number>();
  const traps = new Set<Tid>();
  const code: PaperCode = {
    counters: new Map(),
    registers: new Map(),
    planted,
    holes: new Set(),
    calls: new Set(),
    log: into,
    waiting: [],
    later: false,
    touched: new Map(),
    memory: new Map(),
    trap(tid, address) {
      code.counters.set(tid, address + BEHIND);
      traps.add(tid);
    },
    trapped: (tid) => (traps.delete(tid) ? code.counters.get(tid)! - BEHIND : undefined),
    before: (tid) => (code.counters.has(tid) ? code.counters.get(tid)! - BEHIND : undefined),
    counter: (tid) => code.counters.get(tid),
    setCounter: (tid, address) => {
      into.push(`pc ${tid} ${address}`);
      code.counters.set(tid, address);
    },
    register: (_tid, name) => code.registers.get(name),
    plant: (addresses, done) => {
      into.push(`plant ${addresses.join(" ")}`);
      doIt(() => {
        const there = addresses.filter((address) => !code.holes.has(address));
        for (const address of there) planted.add(address);
        done(
          there.map(
            (address): Patch => ({ address, original: new Uint8Array([0x90]), isCall: code.calls.has(address) }),
          ),
        );
      });
    },
    restore: (patches, done) => {
      into.push(`restore ${patches.map(({ address }) => address).join(" ")}`);
      doIt(() => {
        for (const { address } of patches) planted.delete(address);
        done();
      });
    },
    restoreIn: (child, patches, done) => {
      into.push(`restore ${patches.map(({ address }) => address).join(" ")} in ${child}`);
      doIt(done);
    },
    watchRegisters: 4,
    setWatches: (tid, slots) =>
      into.push(
        `watch ${tid} ${slots.map(({ address, length, access }) => `${address}+${length} ${access}`).join(", ")}`,
      ),
    tryWatches: () => {},
    watchesHit: (tid) => {
      const hit = code.touched.get(tid) ?? [];
      code.touched.delete(tid);
      return hit;
    },
    read: (address, length) => {
      const bytes = new Uint8Array(length);
      bytes[0] = code.memory.get(address) ?? 0;
      return bytes;
    },
    forget: () => {
      into.push("forget");
      planted.clear();
    },
    reportForks: (tids) => into.push(`report forks of ${tids.join(" ")}`),
  };
  const doIt = (act: () => void): void => {
    if (code.later) code.waiting.push(act);
    else act();
  };
  return code;
}
