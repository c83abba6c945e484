import type { Command } from "commander";

export interface CommandRow {
  readonly name: string;
  /** Whether it can be about the tree of a server, `-r`. */
  readonly remote?: true;
  /** Whether it is about all commands, which are loaded with it. */
  readonly needsAll?: true;
  load(): Promise<() => Command>;
}

/** One row a command, in the order `--help` lists them. */
export const COMMANDS: readonly CommandRow[] = [
  { name: "start", load: async () => (await import("./commands/start.ts")).startCommand },
  { name: "mount", load: async () => (await import("./commands/mount.ts")).mountCommand },
  { name: "umount", load: async () => (await import("./commands/umount.ts")).umountCommand },
  { name: "daemon", load: async () => (await import("./commands/daemon.ts")).daemonCommand },
  { name: "stop", remote: true, load: async () => (await import("./commands/stop.ts")).stopCommand },
  { name: "serve", load: async () => (await import("./commands/serve.ts")).serveCommand },
  { name: "shell", remote: true, load: async () => (await import("./commands/shell.ts")).shellCommand },
  { name: "ls", remote: true, load: async () => (await import("./commands/tree.ts")).lsCommand },
  { name: "cat", remote: true, load: async () => (await import("./commands/tree.ts")).catCommand },
  { name: "write", remote: true, load: async () => (await import("./commands/tree.ts")).writeCommand },
  { name: "bt", remote: true, load: async () => (await import("./commands/bt.ts")).btCommand },
  { name: "regs", remote: true, load: async () => (await import("./commands/regs.ts")).regsCommand },
  { name: "gdb", remote: true, load: async () => (await import("./commands/gdb.ts")).gdbCommand },
  { name: "run", load: async () => (await import("./commands/run.ts")).runCommand },
  { name: "jobs", load: async () => (await import("./commands/jobs.ts")).jobsCommand },
  { name: "agent", load: async () => (await import("./commands/containers.ts")).agentCommand },
  { name: "oci-profile", load: async () => (await import("./commands/containers.ts")).ociProfileCommand },
  { name: "service", load: async () => (await import("./commands/service.ts")).serviceCommand },
  { name: "enrol", load: async () => (await import("./commands/enrol.ts")).enrolCommand },
  { name: "metrics", remote: true, load: async () => (await import("./commands/metrics.ts")).metricsCommand },
  { name: "report", load: async () => (await import("./commands/report.ts")).reportCommand },
  { name: "suggest", load: async () => (await import("./commands/suggest.ts")).suggestCommand },
  { name: "limits", load: async () => (await import("./commands/limits.ts")).limitsCommand },
  { name: "md", load: async () => (await import("./commands/md.ts")).mdCommand },
  { name: "vm", load: async () => (await import("./commands/vm.ts")).vmCommand },
  { name: "doctor", load: async () => (await import("./commands/doctor.ts")).doctorCommand },
  {
    name: "completion",
    needsAll: true,
    load: async () => (await import("./commands/completion.ts")).completionCommand,
  },
];
