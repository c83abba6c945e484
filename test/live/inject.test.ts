import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { hostArch } from "../../src/host/linux/host-arch.ts";
import { Injector } from "../support/injector.ts";
import { isAsleep, Target, until } from "../support/target.ts";

const ROOT_ONLY = { skip: process.geteuid!() === 0 ? false : "needs root", timeout: 60_000 } as const;
const arch = hostArch();
const SYS_getppid = arch.machine === "x86_64" ? 110 : 173;
const PARENT = 4242;

/** A filter of struct sock_filter: `number` gets `action`, all else passes. */
function filter(number: number, action: number): string {
  const program = [
    [0x20, 0, 0, 0],
    [0x15, 0, 1, number],
    [0x06, 0, 0, action],
    [0x06, 0, 0, 0x7fff_0000],
  ];
  const bytes = Buffer.alloc(8 * program.length);
  for (const [i, [code, jt, jf, k]] of program.entries()) {
    bytes.writeUInt16LE(code!, 8 * i);
    bytes.writeUInt8(jt!, 8 * i + 2);
    bytes.writeUInt8(jf!, 8 * i + 3);
    bytes.writeUInt32LE(k!, 8 * i + 4);
  }
  return bytes.toString("base64");
}
const PROGRAM = filter(SYS_getppid, 0x7fc0_0000);
const install = (pid: number) => ({ do: "install", pid, program: PROGRAM, parent: PARENT }) as const;

/** What a process blocks, as its status says; `otherwise` where it has ended. */
function maskOf(pid: number, otherwise: string): string {
  try {
    return /^SigBlk:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]!;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return otherwise;
  }
}

for (const threads of [0, 8]) {
  for (const kind of ["nanosleep", "read", "futex", "wake", "poll", "spin", "novdso", "suspend"]) {
    if (kind === "suspend" && threads > 0) continue;
    test(`${kind}, ${threads + 1} threads: nothing is disturbed and every later call is seen`, ROOT_ONLY, async () => {
      await using injector = await Injector.start();
      await using target = await Target.start("waits", { args: [kind, String(threads)] });
      await until(() => Number(target.field("Threads")) === threads + 1, "threads");
      // Those that wait in a call are to be in it.
      if (!["spin", "novdso"].includes(kind)) await until(() => isAsleep(target.pid), "every thread in its call");
      const before = target.field("SigBlk");
      const { listeners } = await injector.ask<{ listeners: number }>(install(target.pid));
      assert.equal(listeners, 1);
      assert.equal(target.field("TracerPid"), "0");
      assert.equal(target.field("Seccomp_filters"), "1");
      // One that computes may have ended meanwhile.
      await until(
        () => target.child.exitCode !== null || maskOf(target.pid, before) === before,
        "its signal mask back",
      );
      if (kind === "read") target.child.stdin!.write("x".repeat(threads + 1));
      if (kind === "wake") target.child.stdin!.write("x");
      if (kind === "suspend") target.child.kill("SIGUSR1");
      await target.prints("parent");
      assert.equal(target.output, `ready\nbad 0 parent ${PARENT * (threads + 1)}\n`);
      assert.deepEqual(await target.exit(), { code: 0, signal: null });
      assert.equal(await injector.ask<number>({ do: "answered", pid: process.pid }), threads + 1);
    });
  }
}

const refused = (code: string, why: RegExp) => (error: unknown) => {
  assert.equal((error as { code: string }).code, code, String(error));
  assert.match((error as Error).message, why);
  return true;
};
const field = (regs: string, name: string): number =>
  Number(Buffer.from(regs, "hex").readBigUInt64LE(8 * arch.registers.indexOf(name)));

const userTicks = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ")[11]);

/** Registers, and what is around the stack pointer, of a stopped process. */
async function state(injector: Injector, pid: number): Promise<string[]> {
  const regs = await injector.ask<string>({ do: "regs", pid });
  const memory = (address: number) => injector.ask<string>({ do: "memory", pid, address, length: 2048 });
  return [regs, await memory(field(regs, arch.stackPointer) - 1024), await memory(field(regs, arch.programCounter))];
}

for (const kind of ["nanosleep", "spin", "novdso"]) {
  test(`attached and stopped in ${kind}: it stays stopped, with the same registers and memory`, ROOT_ONLY, async () => {
    await using injector = await Injector.start();
    await using target = await Target.start("waits", { args: [kind, "3"] });
    const { pid } = target;
    await injector.ask({ do: "attach", pid });
    const before = await state(injector, pid);
    await injector.ask(install(pid));
    assert.deepEqual(await state(injector, pid), before);
    assert.match(target.field("State"), /^t/);
    await injector.ask({ do: "run", pid });
    await target.prints("parent");
    assert.match(target.output, new RegExp(`bad 0 parent ${PARENT * 4}\n`));
  });
}

test("attached and running: it is never seen to stop", ROOT_ONLY, async () => {
  await using injector = await Injector.start();
  await using target = await Target.start("waits", { args: ["spin", "4"] });
  const { pid } = target;
  await injector.ask({ do: "attach", pid });
  await injector.ask({ do: "run", pid });
  await injector.ask(install(pid));
  await assert.rejects(injector.ask({ do: "run", pid }), refused("EBUSY", /not stopped/));
  await target.prints("parent");
  assert.match(target.output, new RegExp(`bad 0 parent ${PARENT * 5}\n`));
});

test("stopped by a signal: that signal is still the one it is stopped by", ROOT_ONLY, async () => {
  await using injector = await Injector.start();
  await using target = await Target.start("counts-signals", { args: ["1"] });
  const { pid } = target;
  await injector.ask({ do: "attach", pid });
  await injector.ask({ do: "run", pid });
  await using sender = await Target.start("sends-signals", { args: [String(pid), "1"] });
  await sender.exit();
  await injector.ask({ do: "wait", pid });
  const before = await state(injector, pid);
  await injector.ask(install(pid));
  assert.deepEqual(await state(injector, pid), before);
  // Let go, it gets what its controller was not shown; what he was shown he dropped: so hand it another.
  await injector.ask({ do: "run", pid });
  await using again = await Target.start("sends-signals", { args: [String(pid), "1"] });
  await again.exit();
  await injector.ask({ do: "wait", pid });
  await injector.ask({ do: "run", pid });
  assert.equal(target.output, "ready\n");
});

test("stepped: steps go on as before", ROOT_ONLY, async () => {
  await using injector = await Injector.start();
  await using target = await Target.start("waits", { args: ["spin"] });
  const { pid } = target;
  await injector.ask({ do: "attach", pid });
  for (let i = 0; i < 3; i++) {
    await injector.ask({ do: "step", pid });
    await injector.ask({ do: "wait", pid });
    const before = await state(injector, pid);
    if (i === 1) await injector.ask(install(pid));
    assert.deepEqual(await state(injector, pid), before);
  }
  await injector.ask({ do: "detach", pid });
  await target.prints(`bad 0 parent ${PARENT}`);
});

test("a second filter with a listener is EBUSY, and says so", ROOT_ONLY, async () => {
  await using injector = await Injector.start();
  await using target = await Target.start("sleeper");
  await injector.ask(install(target.pid));
  await assert.rejects(injector.ask(install(target.pid)), refused("EBUSY", /already under a filter with a listener/));
  assert.equal(target.field("TracerPid"), "0");
  assert.equal(target.field("Seccomp_filters"), "1");
  target.child.kill("SIGUSR1");
  await target.prints("usr1\n");
});

for (const mode of ["sleep", "spin"]) {
  test(`1,000 signals that arrive meanwhile are all delivered, in order: ${mode}`, ROOT_ONLY, async () => {
    await using injector = await Injector.start();
    await using target = await Target.start("counts-signals", { args: ["1000", mode] });
    await using sender = await Target.start("sends-signals", { args: [String(target.pid), "1000"] });
    await injector.ask(install(target.pid));
    await sender.exit();
    target.child.stdin!.write("\n");
    await target.prints("got");
    assert.equal(target.output, `ready\ngot 1000 disorder 0 parent ${PARENT}\n`);
  });
}

test("a job-control stop stays in force", ROOT_ONLY, async () => {
  await using injector = await Injector.start();
  await using target = await Target.start("sleeper");
  target.child.kill("SIGSTOP");
  await until(() => target.field("State").startsWith("T"), "stopped");
  await injector.ask(install(target.pid));
  await until(() => target.field("State").startsWith("T"), "stopped again");
  target.child.kill("SIGCONT");
  await target.prints("cont\n");
});

test("later children are under it", ROOT_ONLY, async () => {
  await using injector = await Injector.start();
  const script = "echo ready; read line; sh -c 'echo parent $PPID'; read line";
  await using target = await Target.start("sh", { path: "/bin/sh", args: ["-c", script] });
  await target.prints("ready\n");
  await injector.ask(install(target.pid));
  target.child.stdin!.write("\n");
  await target.prints(`parent ${PARENT}\n`);
});

test("no_new_privs is set only where it must be", ROOT_ONLY, async () => {
  await using injector = await Injector.start();
  await using root = await Target.start("sleeper");
  await using other = await Target.start("waits", { args: ["read", "2"], uid: 65533 });
  await injector.ask(install(root.pid));
  await injector.ask(install(other.pid));
  assert.deepEqual([root.field("NoNewPrivs"), other.field("NoNewPrivs")], ["0", "1"]);
  other.child.stdin!.write("xxx");
  await other.prints(`bad 0 parent ${3 * PARENT}`);
});

test("permission is attach's: another uid EPERM, oneself EINVAL, traced EBUSY", ROOT_ONLY, async () => {
  await using injector = await Injector.start();
  await using target = await Target.start("sleeper");
  const { pid } = target;
  await assert.rejects(injector.ask({ ...install(pid), uid: 65533 }), refused("EPERM", /65533/));
  await assert.rejects(injector.ask(install(injector.child.pid!)), refused("EINVAL", /itself/));
  await assert.rejects(injector.ask(install(2)), refused("EPERM", /kernel thread/));
  await using second = await Injector.start();
  await second.ask({ do: "attach", pid });
  await assert.rejects(injector.ask(install(pid)), refused("EBUSY", /traced by process/));
  await second.ask({ do: "detach", pid });
  assert.equal(target.field("Seccomp_filters"), "0");
});

test(
  "a filter of its own that would kill it, strict mode, 32-bit code, other filters per thread: refused",
  ROOT_ONLY,
  async () => {
    await using injector = await Injector.start();
    const why: [string, string, RegExp][] = [
      ["kills", "EBUSY", /does not allow another one/],
      ["traps", "EBUSY", /does not allow another one/],
      ["strict", "EBUSY", /strict mode/],
      ["diverges", "EBUSY", /different seccomp filters/],
      ["compat", "EOPNOTSUPP", /32-bit/],
    ];
    for (const [kind, code, sentence] of why) {
      await using target = await Target.start("filtered", { args: [kind] });
      const { pid } = target;
      // What follows on "ready".
      if (kind === "strict") await until(() => target.field("Seccomp") === "1", "strict mode");
      if (kind === "compat") await until(() => userTicks(pid) > 1, "spinning");
      const filters = target.field("Seccomp_filters");
      await assert.rejects(injector.ask(install(pid)), refused(code, sentence), kind);
      assert.equal(target.field("TracerPid"), "0");
      assert.equal(target.field("Seccomp_filters"), filters);
      assert.match(target.field("State"), /^[RS]/, kind);
    }
    await using target = await Target.start("filtered", { args: ["harmless"] });
    await injector.ask(install(target.pid));
    assert.equal(target.field("Seccomp_filters"), "2");
  },
);

test("a filter that would catch close is refused beforehand", ROOT_ONLY, async () => {
  await using injector = await Injector.start();
  await using target = await Target.start("sleeper");
  const program = filter(arch.call.sysClose, 0x7fc0_0000);
  await assert.rejects(injector.ask({ ...install(target.pid), program }), refused("EINVAL", /close/));
});

test("a thread that cannot be stopped is waited for, by nobody else; one can give up", ROOT_ONLY, async () => {
  await using injector = await Injector.start();
  await using target = await Target.start("vforks", { args: ["600"] });
  await until(() => isAsleep(target.pid), "in vfork");
  await assert.rejects(injector.ask({ ...install(target.pid), patience: 100 }), refused("EINTR", /interrupted/));
  assert.equal(target.output, "ready\n");
  await target.prints(`done ${process.pid}\n`);
  await until(() => target.field("TracerPid") === "0", "let go");
  assert.equal(target.field("Seccomp_filters"), "0");
  await using patient = await Target.start("vforks", { args: ["300"] });
  await injector.ask(install(patient.pid));
  await patient.prints(`done ${PARENT}\n`);
});

test("a target killed at any moment is ESRCH, and the tracer goes on", ROOT_ONLY, async () => {
  await using injector = await Injector.start();
  for (let i = 0; i < 30; i++) {
    await using target = await Target.start("waits", { args: ["spin", "2"] });
    const asked = injector.ask(install(target.pid)).then(
      () => "ok",
      (error) => error.code,
    );
    const end = performance.now() + i / 10;
    while (performance.now() < end);
    target.child.kill("SIGKILL");
    assert.ok(["ok", "ESRCH", "EINVAL"].includes(await asked), await asked);
    assert.equal((await target.exit()).signal, "SIGKILL");
  }
  await using target = await Target.start("sleeper");
  await injector.ask(install(target.pid));
});

test("an unprivileged tracer does it to its own processes", ROOT_ONLY, async () => {
  await using injector = await Injector.start(65533);
  await using target = await Target.start("waits", { args: ["poll", "1"], uid: 65533 });
  await injector.ask(install(target.pid));
  await target.prints(`bad 0 parent ${2 * PARENT}`);
  await using other = await Target.start("sleeper");
  await assert.rejects(injector.ask(install(other.pid)), refused("EPERM", /thread/));
});
