import { latin1 } from "../../src/core/base/text.ts";
import type { Accounts, Limit } from "../../src/core/procfs/accounts-port.ts";
import { renderMapLine } from "../../src/core/procfs/files/map.ts";
import type { MapLine } from "../../src/core/vm/map-line.ts";

const MAPPING: MapLine = {
  start: 0x1000,
  end: 0x3000,
  resident: 1,
  privateResident: 1,
  object: 0x1000,
  rights: "rw-",
  references: 1,
  shadows: 0,
  flags: 0,
  copyOnWrite: false,
  needsCopy: false,
  type: "default",
  path: "/a b",
  payer: 11,
};

/** Accounts of one process with one line each; what is changed is recorded. */
export function paperAccounts(calls: string[]): Accounts {
  const limits: Limit[] = [
    { name: "stack", soft: 8388608, hard: Number.POSITIVE_INFINITY },
    { name: "swap", soft: 268435456, hard: 536870912 },
  ];
  return {
    owner: { uid: 0, gid: 0 },
    settle: () => {},
    map: () => latin1(renderMapLine(MAPPING)),
    limits: () => limits,
    setSwapLimit: (_process, caller, soft, hard) => {
      calls.push(`swap ${soft} ${hard} by ${caller.uid}`);
    },
    refusals: () => [
      { timeMs: 1234567, call: "mmap", bytes: 8192, reason: "rlimit", used: 268431360, limit: 268435456 },
    ],
    swap: () => ({ total: 4096, reserved: 8192, overcommit: 2, supply: Number.POSITIVE_INFINITY }),
    setOvercommit: (caller, bits) => {
      calls.push(`overcommit ${bits} by ${caller.uid}`);
    },
    uids: () => [
      {
        ...{ uid: 11, reserved: 8192, limit: Number.POSITIVE_INFINITY, peak: 12288, refusals: 1 },
        ...{ accounted: 1, observed: 2, observedBytes: 4096 },
      },
    ],
    check: () => [],
    jobs: () => [
      {
        ...{ id: 3, name: "a b", pid: 446, processes: 2, reserved: 8192 },
        ...{ limit: Number.POSITIVE_INFINITY, peak: 12288, refusals: 1 },
      },
      { id: 4, name: undefined, pid: undefined, processes: 0, reserved: 0, limit: 4096, peak: 0, refusals: 0 },
    ],
    setJobLimit: (caller, id, limit) => {
      calls.push(`job ${id} limit ${limit} by ${caller.uid}`);
    },
    counters: () => ["began 1795644576.147", "calls map 3"],
    unaccounted: () => [{ pid: 446, uid: 11, reason: "EBUSY: a debugger has it" }],
    adopt: () => {
      calls.push("account");
    },
  };
}
