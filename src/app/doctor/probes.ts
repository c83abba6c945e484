import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmdirSync } from "node:fs";
import { release, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { isErrno } from "../../core/base/errno.ts";
import { canRepair } from "../../core/trap/filter.ts";
import { tryListener } from "../../host/accountant/probe.ts";
import { closeDescriptor } from "../../host/linux/file.ts";
import { hostArch } from "../../host/linux/host-arch.ts";
import { requireKernel } from "../../host/linux/kernel-version.ts";
import {
  findProgram,
  firstLine,
  openFileLimit,
  textOf,
  tryKillableNotify,
  tryPidfd,
  tryPidfdInfo,
  tryProcmapQuery,
  tryPtrace,
  trySeccompNotify,
} from "../../host/linux/probes.ts";
import { ProcessConnector } from "../../host/linux/process-connector.ts";
import { openFuseDevice } from "../../host/serve/fuse-device.ts";
import { composeLiveHost } from "../compose.ts";
import { connectDaemon } from "../daemon/client.ts";
import { daemonSocket } from "../daemon/socket.ts";
import { mountPoint, mountProcfs } from "../mount.ts";
import { parseMountOptions } from "../mount-options.ts";
import { nodeErrno } from "../node-errno.ts";
import { type Finding, missing, ok, type Probe, warn } from "./probe.ts";
import { lookAtCapabilities, lookAtProc, lookAtSecurityModules, lookAtUserNamespace } from "./surroundings.ts";

const isRoot = (): boolean => process.geteuid!() === 0;
/** The first Node release line that still gets fixes, and the one that is tested most: to be had, and kept, for longest. */
const OLDEST_KEPT_NODE = 22;
const BEST_NODE = 24;
/** The FUSE minor version that has FUSE_NOTIFY_RESEND, linux/fuse.h. */
const RESEND_MINOR = 40;
/** Less than this and a server with a few users runs out. */
const FEWEST_OPEN_FILES = 1024;

/** The finding of `act`, or what its Errno says. */
function tried(act: () => Finding, remedy: string, otherwise = missing): Finding {
  try {
    return act();
  } catch (error) {
    if (!isErrno(error)) throw error;
    return otherwise(error.message, remedy);
  }
}

async function lookAtPtrace(): Promise<Finding> {
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
  try {
    await once(child, "spawn");
  } catch (error) {
    return missing(nodeErrno(error).message, "a process must be able to start another");
  }
  try {
    return tried(() => {
      tryPtrace(child.pid!);
      return ok("a child was stopped and let go");
    }, "allow ptrace: a container needs seccomp and AppArmor profiles that permit it");
  } finally {
    child.kill("SIGKILL");
  }
}

async function lookAtDaemon(): Promise<Finding> {
  const socket = daemonSocket();
  try {
    const client = await connectDaemon();
    await client?.close();
    return ok(client ? `runs, at ${socket}` : `none runs; mount starts one, at ${socket}`);
  } catch (error) {
    if (!isErrno(error)) throw error;
    return warn(error.message, `end what listens on ${socket}, or set LYONNAIS_RUNTIME_DIR`);
  }
}

async function lookAtLimits(): Promise<Finding> {
  try {
    return (await tryListener())
      ? ok("a process was put under the filter; answers hand the processor over")
      : warn("a process was put under the filter; answers do not hand the processor over", "Linux 6.6 is faster");
  } catch (error) {
    if (!isErrno(error)) throw error;
    return warn(error.message, "lyonnais run will not work: allow seccomp and pidfd_getfd");
  }
}

/** What the mount was told. */
let fuseMinor: number | undefined;

/** Comes after {@link lookAtMount}. */
function lookAtResend(): Finding {
  if (fuseMinor === undefined) return warn("nothing could be mounted", "see mount");
  return fuseMinor >= RESEND_MINOR
    ? ok("what is asked while the daemon is started again is asked again")
    : warn("what is asked at the moment at which the daemon dies gets no answer", "Linux 6.9 has FUSE_NOTIFY_RESEND");
}

async function lookAtMount(): Promise<Finding> {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-doctor-"));
  try {
    const host = composeLiveHost(() => {});
    try {
      const mounted = await mountProcfs(host, mountPoint(dir), parseMountOptions(""), () => {});
      const minor = await mounted.kernelMinor;
      fuseMinor = minor;
      mounted.stop();
      await mounted.ended;
      return ok(`mounted and unmounted; the kernel speaks FUSE 7.${minor}`);
    } finally {
      await host.close();
    }
  } catch (error) {
    if (!isErrno(error)) throw error;
    return missing(error.message, "use `lyonnais shell` meanwhile: it needs no mount");
  } finally {
    rmdirSync(dir);
  }
}

/** Whether a limited call that a signal interrupts is made again. */
function lookAtRepair(): Finding {
  const remedy = "signals can make limited calls of programs without SA_RESTART fail with EINTR";
  if (!canRepair(hostArch())) return warn(`no tracer can repair an interrupted call on ${hostArch().machine}`, remedy);
  const scope = firstLine("/proc/sys/kernel/yama/ptrace_scope") ?? "0";
  if (scope === "0" || (isRoot() && scope !== "3")) return ok("a limited call that a signal interrupts is made again");
  return warn(
    `Yama's ptrace_scope ${scope} keeps us from repairing interrupted calls`,
    `${remedy}; sysctl kernel.yama.ptrace_scope=0`,
  );
}

function lookAtYama(): Finding {
  const scope = firstLine("/proc/sys/kernel/yama/ptrace_scope");
  if (scope === undefined || scope === "0") return ok(scope === undefined ? "not in this kernel" : "ptrace_scope 0");
  const remedy = "sysctl kernel.yama.ptrace_scope=0, or run as root";
  if (scope === "1") return warn("ptrace_scope 1: only descendants of the server can be controlled", remedy);
  return scope === "2"
    ? warn("ptrace_scope 2: only root can control processes and limit commands", remedy)
    : missing(`ptrace_scope ${scope}`, "reboot");
}

/** What the machine is asked, in the order it is printed. */
export const PROBES: readonly Probe[] = [
  {
    name: "processor",
    essential: true,
    look: () => tried(() => ok(hostArch().machine), "x86-64 and arm64 are supported"),
  },
  {
    name: "node",
    look: () =>
      Number(process.versions.node.split(".")[0]) >= OLDEST_KEPT_NODE
        ? ok(process.version)
        : warn(`${process.version} gets no more fixes`, `use Node ${BEST_NODE}`),
  },
  {
    name: "kernel",
    essential: true,
    look: () =>
      tried(() => {
        requireKernel();
        return ok(`Linux ${release()}`);
      }, "every version from then on is tried, the oldest of them with each release"),
  },
  {
    name: "/dev/fuse",
    look: () =>
      tried(() => {
        closeDescriptor(openFuseDevice());
        return ok("can be opened");
      }, "until then the shell works without it: lyonnais shell"),
  },
  {
    name: "fusermount3",
    look: () => {
      const found = findProgram("fusermount3");
      const remedy = "install it (Debian package fuse3); only ordinary users need it";
      if (!found) return (isRoot() ? warn : missing)("not found", remedy);
      return found.setUidRoot || isRoot() ? ok(found.path) : missing(`${found.path} is not set-uid root`, remedy);
    },
  },
  {
    name: "user_allow_other",
    look: () => {
      if (isRoot()) return ok("root needs no leave for -o allow_other");
      return /^\s*user_allow_other\b/m.test(textOf("/etc/fuse.conf"))
        ? ok("in /etc/fuse.conf")
        : warn("not in /etc/fuse.conf: no -o allow_other", "add the line user_allow_other to /etc/fuse.conf");
    },
  },
  {
    name: "user name",
    look: () => {
      try {
        return ok(userInfo().username);
      } catch {
        return warn(`uid ${process.geteuid!()} has no passwd entry: fusermount3 refuses it`, "use a uid with an entry");
      }
    },
  },
  { name: "mount", look: lookAtMount },
  { name: "FUSE resend", look: lookAtResend },
  { name: "ptrace", essential: true, look: lookAtPtrace },
  { name: "Yama", look: lookAtYama },
  { name: "security modules", look: lookAtSecurityModules },
  { name: "capabilities", look: lookAtCapabilities },
  { name: "user namespace", look: lookAtUserNamespace },
  { name: "/proc", look: lookAtProc },
  {
    name: "pidfd",
    essential: true,
    look: () =>
      tried(() => {
        tryPidfd();
        return ok("available");
      }, "Linux 5.3 or newer is needed"),
  },
  {
    name: "PIDFD_GET_INFO",
    look: () =>
      tried(
        () => {
          tryPidfdInfo();
          return ok("available");
        },
        "who a process is takes a look at /proc; Linux 6.13 has it",
        warn,
      ),
  },
  {
    name: "PROCMAP_QUERY",
    look: () =>
      tried(
        () => {
          tryProcmapQuery();
          return ok("available");
        },
        "memory is read more slowly; Linux 6.11 has it",
        warn,
      ),
  },
  {
    name: "seccomp notify",
    look: () =>
      tried(
        () => ok(`available, ${trySeccompNotify(hostArch().sysSeccomp).notification} bytes a notification`),
        "limits on memory will not be available; Linux 5.0 or a container profile that permits seccomp",
        warn,
      ),
  },
  {
    name: "seccomp killable",
    look: () =>
      tried(
        () => {
          tryKillableNotify(hostArch().sysSeccomp);
          return ok("a limited call waits for its answer whatever signals come");
        },
        "a signal makes a limited call start again; Linux 5.19 has SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
        warn,
      ),
  },
  { name: "limits", look: lookAtLimits },
  {
    name: "limits of users",
    look: () =>
      tried(
        () => {
          ProcessConnector.open().close();
          return ok("the kernel tells of every process that becomes a user with a limit");
        },
        "root's daemon has to be told of logins: lyonnais enrol by pam_exec",
        warn,
      ),
  },
  { name: "signals", look: lookAtRepair },
  { name: "daemon", look: lookAtDaemon },
  {
    name: "open files",
    look: () => {
      const limit = openFileLimit();
      return limit >= FEWEST_OPEN_FILES
        ? ok(limit === Number.POSITIVE_INFINITY ? "no limit" : `${limit}`)
        : warn(`at most ${limit}: each open file and each process under control takes one`, "raise it: ulimit -n 4096");
    },
  },
];
