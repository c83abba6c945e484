/** The profile that container runtimes are given, against our own filter: call by call, with the kernel's interpreter of the one and the specification's of the other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seccompData } from "../../../test/support/seccomp-data.ts";
import { seedFrom } from "../../../test/support/seeded.ts";
import type { Arch } from "../abi/arch/arch.ts";
import { ARM64 } from "../abi/arch/arm64.ts";
import { X86_64 } from "../abi/arch/x86-64.ts";
import { answerOf } from "../abi/seccomp-filter.ts";
import { buildFilter } from "./filter.ts";
import { type OciProfile, type OciRule, ociProfile } from "./oci-profile.ts";

const LISTENING = { path: "/run/agent", metadata: "" };
const MASK_64 = (1n << 64n) - 1n;

function holds({ args = [] }: OciRule, call: readonly bigint[]): boolean {
  return args.every(({ index, op, value, valueTwo = 0 }) => {
    const arg = call[index]!;
    if (op === "SCMP_CMP_EQ") return arg === BigInt(value);
    if (op === "SCMP_CMP_NE") return arg !== BigInt(value);
    assert.equal(op, "SCMP_CMP_MASKED_EQ");
    return (arg & BigInt(value)) === BigInt(valueTwo);
  });
}

/** What the profile does with a call: as seccomp's value. No two rules with different actions may hold. */
function answerByProfile({ defaultAction, syscalls = [] }: OciProfile, name: string, call: readonly bigint[]): string {
  const found = syscalls.filter((rule) => rule.names.includes(name) && holds(rule, call));
  const actions = new Set(found.map(({ action, errnoRet }) => `${action} ${errnoRet ?? ""}`.trimEnd()));
  assert.ok(actions.size <= 1, `${name} ${call}: ${[...actions]}`);
  const [action = defaultAction] = actions;
  return action;
}

const ACTIONS = new Map([
  [0x7fff0000, "SCMP_ACT_ALLOW"],
  [0x7fc00000, "SCMP_ACT_NOTIFY"],
  [0x00050000 | 38, "SCMP_ACT_ERRNO 38"],
  [0x00050000 | 22, "SCMP_ACT_ERRNO 22"],
]);

const INTERESTING = [0n, 1n, 2n, 3n, 0x22n, 0x4022n, 0x21n, 0x23n, 35n, 0x100n, 0x10000n, 0x4111n, 0x3d0f00n];
const EDGES = [
  0xffffffffn,
  1n << 32n,
  (1n << 32n) + 35n,
  0xffffffff00000000n,
  MASK_64,
  1n << 63n,
  0o1600n,
  0x80000000n,
];
const ARGUMENT = fc.oneof(
  fc.constantFrom(...INTERESTING, ...EDGES),
  fc.bigInt(0n, MASK_64),
  fc.bigInt(0n, 63n).map((bit) => 1n << bit),
  fc.bigInt(0n, 63n).map((bit) => 0xffffffffn ^ (1n << bit)),
);
const CALL = fc.array(ARGUMENT, { minLength: 6, maxLength: 6 });

function everyCall(arch: Arch, check: (name: string, args: readonly bigint[], ours: string) => void): void {
  const filter = buildFilter(arch, false);
  const [{ auditArch, numbers }] = arch.abis;
  const names = fc.constantFrom(...Object.keys(numbers));
  fc.assert(
    fc.property(names, CALL, (name, args) => {
      const answer = answerOf(filter, seccompData(auditArch, numbers[name]!, args));
      check(name, args, ACTIONS.get(answer)!);
    }),
    { numRuns: 20_000, seed: seedFrom(11) },
  );
}

for (const arch of [X86_64, ARM64]) {
  test(`${arch.machine}: the profile answers every call as our filter does`, () => {
    const profile = ociProfile(arch, LISTENING);
    everyCall(arch, (name, args, ours) => assert.equal(answerByProfile(profile, name, args), ours, `${name} ${args}`));
  });
}

/** As Docker's: nothing but what is named, and a clone without new namespaces. */
const CLOSED: OciProfile = {
  defaultAction: "SCMP_ACT_ERRNO",
  archMap: [],
  syscalls: [
    { names: ["mmap", "mprotect", "brk", "read", "execve", "shmget", "setreuid", "prctl"], action: "SCMP_ACT_ALLOW" },
    {
      names: ["clone"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      excludes: { caps: ["CAP_SYS_ADMIN"] },
    },
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
  ],
};

test("joined with another profile, what that refuses is refused, and what it allows is answered as our filter does", () => {
  const joined = ociProfile(X86_64, LISTENING, CLOSED);
  everyCall(X86_64, (name, args, ours) => {
    const theirs = answerByProfile(CLOSED, name, args);
    const expected = theirs === "SCMP_ACT_ALLOW" ? ours : theirs;
    assert.equal(answerByProfile(joined, name, args), expected, `${name} ${args}`);
  });
  assert.equal(answerByProfile(joined, "read", []), "SCMP_ACT_ALLOW");
  assert.equal(joined["archMap"], undefined);
  const clones = joined.syscalls!.filter(({ names }) => names.includes("clone"));
  assert.ok(clones.length > 0 && clones.every((rule) => rule["excludes"] !== undefined), "its conditions are kept");
});

/** All is allowed but for new namespaces, and an mmap at no address. */
const OPEN: OciProfile = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [
    {
      names: ["clone"],
      action: "SCMP_ACT_ERRNO",
      errnoRet: 1,
      args: [{ index: 0, value: 256, valueTwo: 256, op: "SCMP_CMP_MASKED_EQ" }],
    },
    {
      names: ["mmap", "mprotect"],
      action: "SCMP_ACT_ERRNO",
      args: [{ index: 0, value: 3, valueTwo: 1, op: "SCMP_CMP_MASKED_EQ" }],
    },
    { names: ["shmget"], action: "SCMP_ACT_KILL" },
  ],
};

test("joined with a profile that allows what it does not name, nothing is left to nobody", () => {
  const joined = ociProfile(X86_64, LISTENING, OPEN);
  everyCall(X86_64, (name, args, ours) => {
    const theirs = answerByProfile(OPEN, name, args);
    const expected = theirs === "SCMP_ACT_ALLOW" ? ours : theirs;
    assert.equal(answerByProfile(joined, name, args), expected, `${name} ${args}`);
  });
  const syscalls: OciRule[] = [{ names: ["clone"], action: "SCMP_ACT_ERRNO", excludes: { caps: ["CAP_SYS_ADMIN"] } }];
  assert.throws(() => ociProfile(X86_64, LISTENING, { ...OPEN, syscalls }), /under conditions; take it out/);
  const whole: OciRule[] = [
    { names: ["mmap"], action: "SCMP_ACT_ERRNO", args: [{ index: 0, value: 0, op: "SCMP_CMP_EQ" }] },
  ];
  assert.throws(() => ociProfile(X86_64, LISTENING, { ...OPEN, syscalls: whole }), /numbers beyond 2\^53/);
});

test("what a profile lets go and logs is trapped all the same, and what is not trapped is logged", () => {
  const log = (rule: OciRule): OciRule =>
    rule.action === "SCMP_ACT_ALLOW" ? { ...rule, action: "SCMP_ACT_LOG" } : rule;
  const logged = { ...OPEN, defaultAction: "SCMP_ACT_LOG" };
  const mixed: OciRule[] = [{ names: ["mmap", "mprotect"], action: "SCMP_ACT_LOG" }];
  const bases: OciProfile[] = [
    { defaultAction: "SCMP_ACT_LOG" },
    logged,
    { ...CLOSED, syscalls: CLOSED.syscalls!.map(log) },
    { defaultAction: "SCMP_ACT_ALLOW", syscalls: mixed },
    { ...logged, syscalls: [{ names: ["mmap"], action: "SCMP_ACT_ALLOW" }] },
  ];
  for (const base of bases) {
    const joined = ociProfile(X86_64, LISTENING, base);
    everyCall(X86_64, (name, args, ours) => {
      const theirs = answerByProfile(base, name, args);
      const isLetGo = theirs === "SCMP_ACT_ALLOW" || theirs === "SCMP_ACT_LOG";
      const expected = isLetGo && ours !== "SCMP_ACT_ALLOW" ? ours : theirs;
      assert.equal(answerByProfile(joined, name, args), expected, `${name} ${args}`);
    });
    // libseccomp refuses a rule that says what holds without it.
    const idle = joined.syscalls!.filter(({ action }) => action !== "SCMP_ACT_ERRNO" && action === base.defaultAction);
    assert.deepEqual(idle, []);
  }
});

test("numbers survive JSON, and no rule compares an argument twice", () => {
  for (const arch of [X86_64, ARM64]) {
    for (const { args = [] } of ociProfile(arch, LISTENING, CLOSED).syscalls!) {
      assert.equal(new Set(args.map(({ index }) => index)).size, args.length);
      for (const { value, valueTwo = 0 } of args)
        assert.ok(Number.isSafeInteger(value) && Number.isSafeInteger(valueTwo));
    }
  }
});

test("what cannot be joined is refused", () => {
  const join = (rule: OciRule) => () =>
    ociProfile(X86_64, LISTENING, { defaultAction: "SCMP_ACT_ERRNO", syscalls: [rule] });
  assert.throws(join({ names: ["bpf"], action: "SCMP_ACT_NOTIFY" }), /a listener of its own, for bpf/);
  const greater = { index: 1, value: 4096, op: "SCMP_CMP_GT" };
  assert.throws(
    join({ names: ["mmap"], action: "SCMP_ACT_ALLOW", args: [greater] }),
    /SCMP_CMP_GT of argument 1 of mmap/,
  );
  assert.doesNotThrow(join({ names: ["read"], action: "SCMP_ACT_ALLOW", args: [greater] }));
  const huge = { index: 0, value: 2 ** 60, op: "SCMP_CMP_EQ" };
  assert.throws(join({ names: ["brk"], action: "SCMP_ACT_ALLOW", args: [huge] }), /EINVAL/);
});

test("the listener and what it is told stand in the profile", () => {
  const { listenerPath, listenerMetadata, architectures } = ociProfile(ARM64, { path: "/run/a", metadata: "swap=1g" });
  assert.deepEqual([listenerPath, listenerMetadata, architectures], ["/run/a", "swap=1g", ["SCMP_ARCH_AARCH64"]]);
});
