/**
 * A process that traces: the test process must not, because libuv would collect the stops of its children. Takes one JSON
 * request a message and answers each in order.
 */

import {
  SECCOMP_IOCTL_NOTIF_RECV,
  SECCOMP_IOCTL_NOTIF_SEND,
  SECCOMP_NOTIF_RESP_SIZE,
  SECCOMP_NOTIF_SIZE,
} from "../../src/core/abi/seccomp.ts";
import type { Pid, Tid } from "../../src/core/base/brand.ts";
import { Errno } from "../../src/core/base/errno.ts";
import { Quotas } from "../../src/core/procfs/quotas.ts";
import type { Caller } from "../../src/core/vfs/caller.ts";
import { type Outcome, Parked } from "../../src/core/vfs/parked.ts";
import { KernelAccess } from "../../src/host/linux/access.ts";
import { CallerIdentity } from "../../src/host/linux/caller-identity.ts";
import { Elsewhere } from "../../src/host/linux/elsewhere/elsewhere.ts";
import { check } from "../../src/host/linux/ffi/call.ts";
import { libcIoctl } from "../../src/host/linux/ffi/libc.ts";
import { hostArch } from "../../src/host/linux/host-arch.ts";
import { LiveMemory } from "../../src/host/linux/memory.ts";
import { LiveProcessTable } from "../../src/host/linux/process-table.ts";
import { watchReadable } from "../../src/host/linux/watch.ts";
import { LiveTracer } from "../../src/host/tracer/live-tracer.ts";
import type { Request } from "./injector.ts";

const identity = new CallerIdentity();
const onBug = (error: unknown): never => {
  throw error;
};
const elsewhere = Elsewhere.processJobs(onBug);
const processes = new LiveProcessTable(identity, elsewhere);
const access = new KernelAccess(identity, elsewhere);
const arch = hostArch();
const memory = new LiveMemory(access, elsewhere, arch.userTop);
const { attached } = new Quotas();
const tracer = new LiveTracer({
  attached,
  processes,
  access,
  arch,
  memory,
  elsewhere,
  onBug,
});
const self: Caller = { tid: process.pid as Tid, uid: process.geteuid!(), gid: process.getegid!() };
/** Answered notifications, and the watches of the listeners. */
let answered = 0;
const watches: { close(): void }[] = [];

function serve(listener: number, parent: number): void {
  const notification = Buffer.alloc(SECCOMP_NOTIF_SIZE);
  const response = Buffer.alloc(SECCOMP_NOTIF_RESP_SIZE);
  const watch = watchReadable(listener, () => {
    notification.fill(0);
    if (libcIoctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notification) !== 0) {
      watch.close();
      return;
    }
    response.fill(0);
    response.writeBigUInt64LE(notification.readBigUInt64LE(0), 0);
    response.writeBigInt64LE(BigInt(parent), 8);
    check(libcIoctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response), "answer");
    answered++;
  });
  watches.push(watch);
}

function settled<T>(outcome: Outcome<T>): T | Promise<T> {
  if (!(outcome instanceof Parked)) return outcome;
  return new Promise((resolve, reject) => outcome.listen({ settled: resolve, failed: reject }));
}

async function answer(request: Request): Promise<unknown> {
  const target = processes.find(request.pid as Pid);
  if (!target) throw new Errno("ESRCH", `no process ${request.pid}`);
  const caller: Caller = request.uid === undefined ? self : { ...self, uid: request.uid, gid: request.uid };
  switch (request.do) {
    case "install": {
      const begin = performance.now();
      let listeners = 0;
      const program = Buffer.from(request.program, "base64");
      const outcome = tracer.installFilter(target, caller, program, (listener) => {
        listeners++;
        serve(listener, request.parent);
      });
      if (request.patience !== undefined && outcome instanceof Parked)
        setTimeout(() => outcome.interrupt(), request.patience);
      await settled(outcome);
      return { listeners, ms: performance.now() - begin };
    }
    case "attach":
      await settled(tracer.attach(target, caller, "session"));
      return settled(tracer.wait(target, caller));
    case "run":
    case "step":
    case "wait":
    case "detach":
      return settled(tracer[request.do](target, caller));
    case "regs":
      return Buffer.from(await settled(tracer.readRegisters(target, [caller], { set: "general" }))).toString("hex");
    case "memory": {
      const space = await settled(memory.open(target, caller));
      const bytes = Buffer.alloc(request.length);
      await settled(space.read(request.address, bytes));
      space.close();
      return bytes.toString("hex");
    }
    case "answered":
      return answered;
  }
}

process.on("message", (request: Request) => {
  answer(request).then(
    (value) => process.send!({ value: value ?? null }),
    (error) =>
      process.send!({ code: error instanceof Errno ? error.code : String(error.stack), message: error.message }),
  );
});
process.on("disconnect", async () => {
  for (const watch of watches) watch.close();
  await tracer.close();
  process.exit(0);
});
process.send!({ value: "ready" });
