import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { notification, seccompData } from "../../../test/support/seccomp-data.ts";
import { seedFrom } from "../../../test/support/seeded.ts";
import { ARM64 } from "../abi/arch/arm64.ts";
import { X86_64 } from "../abi/arch/x86-64.ts";
import { answerOf } from "../abi/seccomp-filter.ts";
import { buildFilter, canRepair } from "./filter.ts";
import { notificationDecoder } from "./notification.ts";
import { trappedNumbers } from "./trapped-numbers.ts";
import { WATCHED_CALLS } from "./watched-calls.ts";

const ALLOW = 0x7fff0000;
const NOTIFY = 0x7fc00000;
const ENOSYS = 0x00050000 | 38;
const EINVAL = 0x00050000 | 22;
const KILL = 0x80000000;
const NATIVE = 0xc000003e;
const I386 = 0x40000003;
const MINUS_1 = 0xffffffffffffffffn;
const x86 = buildFilter(X86_64);
const decode = notificationDecoder(X86_64);

/** What each call is answered on x86-64, by number and arguments; and what it is taken for. */
const CASES: readonly (readonly [string, number, readonly (number | bigint)[], number, unknown?])[] = [
  ["mmap private rw", 9, [0, 8192, 3, 0x22, MINUS_1, 0], NOTIFY, { kind: "map", start: undefined, pages: 2 }],
  ["mmap private rw, part of a page", 9, [0, 1, 3, 0x22], NOTIFY, { kind: "map", start: undefined, pages: 1 }],
  ["mmap fixed", 9, [0x10000, 4096, 7, 0x32], NOTIFY, { kind: "map", start: 16, pages: 1 }],
  ["mmap of a file, private rw", 9, [0, 4096, 3, 0x2, 3, 0], NOTIFY, { kind: "map", start: undefined, pages: 1 }],
  ["mmap private r--", 9, [0, 8192, 1, 0x22], ALLOW],
  ["mmap private ---", 9, [0, 1 << 30, 0, 0x22], ALLOW],
  ["mmap r-x of a library", 9, [0, 8192, 5, 0x2, 3], ALLOW],
  ["mmap MAP_NORESERVE", 9, [0, 8192, 3, 0x4022], ALLOW],
  ["mmap MAP_HUGETLB", 9, [0, 2097152, 3, 0x40022], ALLOW],
  ["mmap shared anonymous", 9, [0, 8192, 3, 0x21], NOTIFY, { kind: "share", fd: undefined, pages: 2 }],
  ["mmap shared anonymous r--", 9, [0, 8192, 1, 0x21], NOTIFY, { kind: "share", fd: undefined, pages: 2 }],
  ["mmap MAP_SHARED_VALIDATE anonymous", 9, [0, 4096, 3, 0x23], NOTIFY, { kind: "share", fd: undefined, pages: 1 }],
  ["mmap of a file, shared", 9, [0, 8192, 3, 0x1, 3], NOTIFY, { kind: "share", fd: 3, pages: 2 }],
  ["mprotect rw", 10, [0x2000, 4096, 3], NOTIFY, { kind: "protect", start: 2, pages: 1, grows: false }],
  [
    "mprotect of a whole stack",
    10,
    [0x2000, 4096, 0x1000003],
    NOTIFY,
    { kind: "protect", start: 2, pages: 1, grows: true },
  ],
  ["mprotect r--", 10, [0x2000, 4096, 1], ALLOW],
  ["pkey_mprotect rw", 329, [0x2000, 4096, 3, 1], NOTIFY, { kind: "protect", start: 2, pages: 1, grows: false }],
  ["pkey_mprotect r--", 329, [0x2000, 4096, 1, 1], ALLOW],
  ["brk(0)", 12, [0], ALLOW],
  ["brk", 12, [0x5001], NOTIFY, { kind: "brk", end: 6, address: 0x5001 }],
  ["brk, only the upper half", 12, [0x1_0000_0000], NOTIFY, { kind: "brk", end: 0x100000, address: 0x1_0000_0000 }],
  [
    "mremap",
    25,
    [0x3000, 4096, 8192, 1],
    NOTIFY,
    { kind: "remap", start: 3, oldPages: 1, newPages: 2, keepsOld: false },
  ],
  [
    "mremap MREMAP_DONTUNMAP",
    25,
    [0x3000, 4096, 4096, 5],
    NOTIFY,
    { kind: "remap", start: 3, oldPages: 1, newPages: 1, keepsOld: true },
  ],
  ["fork", 57, [], NOTIFY, { kind: "fork", isSibling: false }],
  ["vfork", 58, [], NOTIFY, { kind: "vfork", waits: true }],
  ["clone as posix_spawn does", 56, [0x4111], NOTIFY, { kind: "vfork", waits: true }],
  ["clone of a process in the same memory", 56, [0x111], NOTIFY, { kind: "vfork", waits: false }],
  ["clone of a process", 56, [0x1200011], NOTIFY, { kind: "fork", isSibling: false }],
  ["clone of a sibling", 56, [0x1208011], NOTIFY, { kind: "fork", isSibling: true }],
  ["clone of a thread", 56, [0x3d0f00], ALLOW],
  ["clone3", 435, [0x1000, 88], ENOSYS],
  ["execve", 59, [1, 2, 3], NOTIFY, { kind: "exec" }],
  ["execveat", 322, [], NOTIFY, { kind: "exec" }],
  ["shmget private", 29, [0, 5000, 0o600], NOTIFY, { kind: "segment", key: 0, pages: 2 }],
  ["shmget with IPC_CREAT", 29, [77, 4096, 0o1600], NOTIFY, { kind: "segment", key: 77, pages: 1 }],
  ["shmget of one that is there", 29, [77, 4096, 0o600], ALLOW],
  ["ftruncate", 77, [5, 12288], NOTIFY, { kind: "resize", fd: 5, pages: 3 }],
  ["fallocate", 285, [5, 0, 4096, 4096], NOTIFY, { kind: "resize", fd: 5, pages: 2 }],
  [
    "a descriptor with a full upper half",
    77,
    [0xffffffff_00000005n, 4096],
    NOTIFY,
    { kind: "resize", fd: 5, pages: 1 },
  ],
  ["fallocate that keeps the size", 285, [5, 1, 0, 4096], NOTIFY, { kind: "resize", fd: 5, pages: 1 }],
  ["fallocate of a hole", 285, [5, 3, 0, 4096], ALLOW],
  ["prctl PR_SET_MM", 157, [35, 14, 0x1000], EINVAL],
  ["prctl", 157, [15, 0x1000], ALLOW],
  ["setuid", 105, [1000], NOTIFY, { kind: "setuid" }],
  ["setresuid of the real uid", 117, [1000, 1000, 1000], NOTIFY, { kind: "setuid" }],
  ["setresuid of the effective uid", 117, [0xffffffff, 1000, 0xffffffff], ALLOW],
  ["setreuid of the effective uid", 113, [MINUS_1, 1000], ALLOW],
  [
    "sigaction of SIGALRM",
    13,
    [14, 0x7ffc_1234_5678, 0, 8],
    NOTIFY,
    { kind: "handler", action: 0x7ffc_1234_5678, word: 8 },
  ],
  [
    "sigaction, only the upper half of an address",
    13,
    [14, 0x1_0000_0000],
    NOTIFY,
    { kind: "handler", action: 0x1_0000_0000, word: 8 },
  ],
  ["sigaction that only asks", 13, [14, 0, 0x7ffc_1234_5678, 8], ALLOW],
  ["sigaction of SIGSEGV", 13, [11, 0x7ffc_1234_5678, 0, 8], ALLOW],
  ["ptrace TRACEME", 101, [0], NOTIFY, { kind: "trace", target: 0 }],
  ["ptrace TRACEME, with what else is in the registers", 101, [0, 99], NOTIFY, { kind: "trace", target: 0 }],
  ["ptrace ATTACH", 101, [16, 77], NOTIFY, { kind: "trace", target: 77 }],
  ["ptrace SEIZE", 101, [0x4206, 78], NOTIFY, { kind: "trace", target: 78 }],
  ["ptrace CONT", 101, [7, 78], ALLOW],
  ["munmap", 11, [0x1000, 4096], ALLOW],
  ["read", 0, [], ALLOW],
  ["the highest number", 0x3fffffff, [], ALLOW],
  ["an x32 call", 0x40000009, [0, 4096, 3, 0x22], ENOSYS],
];

test("what the filter answers, and what a notification is taken for", () => {
  for (const [name, nr, args, answer, operation] of CASES) {
    const data = seccompData(NATIVE, nr, args);
    assert.equal(answerOf(x86, data), answer, name);
    if (answer !== NOTIFY) continue;
    const call = decode(notification(7, data));
    assert.deepEqual([call?.operation, call?.tid, call?.number], [operation, 7, nr], name);
  }
});

test("32-bit calls are the same calls under other numbers", () => {
  const answer = (nr: number, ...args: number[]): number => answerOf(x86, seccompData(I386, nr, args));
  const meant = (nr: number, ...args: number[]) => decode(notification(7, seccompData(I386, nr, args)))?.operation;
  assert.equal(answer(192, 0, 4096, 3, 0x22), NOTIFY);
  assert.deepEqual(meant(192, 0, 4096, 3, 0x22), { kind: "map", start: undefined, pages: 1 });
  assert.equal(answer(192, 0, 4096, 1, 0x22), ALLOW);
  assert.equal(answer(90, 0x1000), ENOSYS, "old_mmap, whose arguments are in memory");
  assert.equal(answer(117, 23, 0, 8192, 0o600), NOTIFY);
  assert.deepEqual(meant(117, 23, 0, 8192, 0o600), { kind: "segment", key: 0, pages: 2 });
  assert.equal(answer(117, 21, 0), ALLOW, "shmat by ipc");
  assert.deepEqual(meant(194, 3, 0, 1), { kind: "resize", fd: 3, pages: 0x100000 });
  assert.equal(answer(190), NOTIFY, "vfork");
  assert.deepEqual(meant(174, 14, 0x1000), { kind: "handler", action: 0x1000, word: 4 });
  assert.deepEqual(meant(174, 14, 0x1_0000_1000), { kind: "handler", action: 0x1000, word: 4 });
  assert.deepEqual(meant(48, 14, 0x1000), { kind: "handler", action: 0, word: 4 });
  assert.equal(answer(48, 11, 0x1000), ALLOW, "signal of SIGSEGV");
  assert.deepEqual(meant(324, 3, 0, 0, 1, 4096, 0), { kind: "resize", fd: 3, pages: 0x100001 });
});

test("a number that is x32's is one of nobody's there, and of another architecture nothing is told", () => {
  assert.equal(answerOf(x86, seccompData(I386, 0x40000009, [0, 4096, 3, 0x22])), ALLOW);
  assert.equal(decode(notification(7, seccompData(0xc00000b7, 222, [0, 4096, 3, 0x22]))), undefined);
});

test("a program begins with the question whose calls they are", () => {
  // struct sock_filter: BPF_LD | BPF_W | BPF_ABS of seccomp_data.arch.
  assert.deepEqual([...x86.subarray(0, 8)], [0x20, 0, 0, 0, 4, 0, 0, 0]);
});

test("the calls that wait for an answer are those that a filter may send to its listener", () => {
  const [native] = X86_64.abis;
  const numbers = [9, 10, 12, 13, 25, 29, 56, 57, 58, 59, 77, 101, 105, 113, 117, 285, 322, 329];
  assert.deepEqual(
    [...trappedNumbers(native!)].sort((a, b) => a - b),
    numbers,
  );
});

test("without repair nobody hears of handlers and tracers", () => {
  const plain = buildFilter(X86_64, false);
  assert.equal(answerOf(plain, seccompData(NATIVE, 13, [14, 0x1000])), ALLOW);
  assert.equal(answerOf(plain, seccompData(NATIVE, 101, [0])), ALLOW);
  assert.equal(answerOf(plain, seccompData(NATIVE, 12, [0x5000])), NOTIFY);
  for (const nr of [174, 67, 48, 26]) {
    const [asked, unasked] = [x86, plain].map((filter) =>
      answerOf(filter, seccompData(I386, nr, [nr === 26 ? 0 : 14, 0x1000])),
    );
    assert.deepEqual([asked, unasked], [NOTIFY, ALLOW], `i386's call ${nr}`);
  }
  const arch = { ...X86_64, interrupted: [] };
  assert.deepEqual([canRepair(X86_64), canRepair(arch)], [true, false]);
  assert.deepEqual(buildFilter(arch), plain);
});

test("a calling convention nobody knows ends the process", () => {
  assert.equal(answerOf(x86, seccompData(0xc00000b7, 222, [0, 4096, 3, 0x22])), KILL);
  const arm = buildFilter(ARM64);
  assert.equal(answerOf(arm, seccompData(0xc00000b7, 222, [0, 4096, 3, 0x22])), NOTIFY);
  assert.equal(answerOf(arm, seccompData(0xc00000b7, 220, [0x3d0f00])), ALLOW);
  assert.equal(answerOf(arm, seccompData(0x40000028, 192)), KILL);
});

test("no call makes the program run astray; whatever is notified can be told", () => {
  const numbers = X86_64.abis.flatMap(({ auditArch, numbers: each }) =>
    Object.values(each).map((nr) => [auditArch, nr] as const),
  );
  const known = fc.constantFrom(...numbers);
  const any = fc.tuple(fc.constantFrom(NATIVE, I386), fc.nat(0xffffffff));
  const argument = fc.oneof(fc.bigInt(0n, MINUS_1), fc.constantFrom(0n, 0x22n, 3n, MINUS_1, 0x100n));
  fc.assert(
    fc.property(fc.oneof(known, any), fc.array(argument, { minLength: 6, maxLength: 6 }), ([arch, nr], args) => {
      const data = seccompData(arch, nr, args);
      const answer = answerOf(x86, data);
      assert.ok([ALLOW, NOTIFY, ENOSYS].includes(answer), answer.toString(16));
      assert.equal(decode(notification(1, data)) === undefined && answer === NOTIFY, false);
    }),
    { numRuns: 20_000, seed: seedFrom(1) },
  );
});

test("every watched call has a number somewhere, and every number a call", () => {
  const numbered = new Set([X86_64, ARM64].flatMap(({ abis }) => abis.flatMap((abi) => Object.keys(abi.numbers))));
  assert.deepEqual([...numbered].sort(), WATCHED_CALLS.map(({ name }) => name).sort());
});
