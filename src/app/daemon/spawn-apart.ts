import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { isAbsolute, resolve } from "node:path";
import { closeAllOnExec } from "../../host/linux/close-on-exec.ts";

/** Those that name directories in which a daemon, and whoever looks for it, have to meet. */
const DIRECTORIES = ["LYONNAIS_RUNTIME_DIR", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME", "TMPDIR"];

/**
 * Starts sh(1) with nothing that would hold what this process was started in: a session of its own, the root directory, and
 * no descriptor but those of `stdio`. What this process has inherited is close-on-exec from then on.
 */
export function spawnShellApart(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  stdio: StdioOptions,
): ChildProcess {
  const env = { ...environment };
  for (const name of DIRECTORIES) {
    const dir = env[name];
    if (dir && !isAbsolute(dir)) env[name] = resolve(dir);
  }
  closeAllOnExec();
  return spawn("/bin/sh", args, { cwd: "/", detached: true, env, stdio });
}
