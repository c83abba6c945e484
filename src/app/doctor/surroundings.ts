/** What surrounds this process, a container's or a hardened service's walls, and what of us they keep from working. */
import { mountAt } from "../../host/linux/mount-table.ts";
import { effectiveCapabilities, firstLine } from "../../host/linux/probes.ts";
import { type Finding, ok, warn } from "./probe.ts";

/** linux/capability.h. */
const CAPABILITIES = [
  ["SYS_PTRACE", 19n],
  ["SYS_ADMIN", 21n],
  ["KILL", 5n],
] as const;
/** What the initial user namespace's map of uids says. */
const EVERY_UID = /^\s*0\s+0\s+4294967295$/;

export function lookAtCapabilities(): Finding {
  const effective = effectiveCapabilities();
  const absent = CAPABILITIES.filter(([, bit]) => ((effective >> bit) & 1n) === 0n).map(([name]) => name);
  if (absent.length === 0) return ok("SYS_PTRACE, SYS_ADMIN and KILL");
  return warn(`without ${absent.join(", ")}: only your own processes`, "run as root to serve every user");
}

/** proc(5): `hidepid` hides other users' processes, `subset=pid` everything that is not a process. */
export function lookAtProc(): Finding {
  return findingOfProc(mountAt("/proc")?.options ?? [], process.geteuid!(), process.getgroups!());
}

export function findingOfProc(options: readonly string[], uid: number, groups: readonly number[]): Finding {
  const hides = options.find((option) => /^hidepid=(?!0$|off$)/.test(option));
  // Where it goes by who may trace, no group sees more.
  const byTracing = hides !== undefined && /=(4|ptraceable)$/.test(hides);
  const gid = Number(/^gid=(\d+)$/m.exec(options.join("\n"))?.[1] ?? 0);
  const isMember = !byTracing && groups.includes(gid);
  if (hides && uid !== 0 && !isMember) {
    const remedy = byTracing ? "run as root" : `run as root, or in group ${gid}, proc's gid=`;
    return warn(`mounted with ${hides}: other users' processes are not shown`, remedy);
  }
  if (options.includes("subset=pid")) {
    return warn(
      "mounted with subset=pid: vm.overcommit cannot be set, times may be off by a second",
      "mount all of proc",
    );
  }
  const whom = uid === 0 ? "root" : `members of group ${gid}`;
  return ok(hides ? `mounted with ${hides}, which does not concern ${whom}` : "mounted whole");
}

export function lookAtUserNamespace(): Finding {
  const map = firstLine("/proc/self/uid_map") ?? "";
  return EVERY_UID.test(map)
    ? ok("the host's")
    : warn(
        "one of its own: processes of uids outside it cannot be controlled or limited",
        "run on the host to serve it all",
      );
}

/** AppArmor, SELinux and others: what confines this process. */
export function lookAtSecurityModules(): Finding {
  return findingOfLabel(firstLine("/proc/self/attr/current")?.replace(/\0$/, ""));
}

/** AppArmor has profiles that confine nobody: `NAME (unconfined)`. */
export function findingOfLabel(confinement: string | undefined): Finding {
  if (!confinement) return ok("none confines this process");
  if (/^(.* \()?unconfined\)?$|^\w+_u:\w+_r:unconfined_t\b/.test(confinement)) return ok(confinement);
  return warn(`confined: ${confinement}`, "its rules must allow ptrace, and for a mount /dev/fuse and mount(2)");
}
