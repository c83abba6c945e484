import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Words } from "./limited.ts";

export type Runtime = "crun" | "runc";

export const RUNTIMES: readonly Runtime[] = ["crun", "runc"];

/** Why containers cannot be tried here; false: they can. */
export function lacking(runtime: Runtime): string | false {
  const found = (name: string): boolean => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
  return found(runtime) && found("busybox") ? false : `needs ${runtime} and busybox-static`;
}

/** A shell of busybox's that does the lines it is told. */
const SHELL = ["/bin/sh", "-c", 'echo ready; while read -r line; do eval "$line"; done'];
/** A mount namespace with nothing but cgroup2: crun takes no hybrid tree. */
const ALONE = 'umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup; exec "$@"';

export interface BundleOptions {
  readonly runtime: Runtime;
  /** An OCI seccomp object. */
  readonly seccomp: unknown;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Whose it is, without privilege. */
  readonly uid?: number;
}

/** A directory with a root file system and a configuration, and containers of it. */
export class Bundle {
  readonly dir: string;
  readonly #options: BundleOptions;

  constructor(t: TestContext, options: BundleOptions) {
    const { runtime, seccomp, annotations = {}, uid = 0 } = options;
    this.#options = options;
    this.dir = mkdtempSync(join(tmpdir(), "lyonnais-container-"));
    chmodSync(this.dir, 0o755);
    const bin = join(this.dir, "rootfs", "bin");
    mkdirSync(bin, { recursive: true });
    copyFileSync(
      spawnSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).stdout.trim(),
      join(bin, "busybox"),
    );
    chmodSync(join(bin, "busybox"), 0o755);
    for (const name of ["sh", "dd", "sleep"]) symlinkSync("busybox", join(bin, name));
    for (const name of ["proc", "dev", "sys", "tmp"]) mkdirSync(join(this.dir, "rootfs", name));
    for (const dir of [this.dir, join(this.dir, "rootfs")]) chownSync(dir, uid, uid);
    spawnSync(runtime, ["spec", ...(uid === 0 ? [] : ["--rootless"])], { cwd: this.dir });
    const config = join(this.dir, "config.json");
    const spec = JSON.parse(readFileSync(config, "utf8"));
    Object.assign(spec.process, { terminal: false, args: SHELL });
    delete spec.linux.resources;
    for (const mapping of [...(spec.linux.uidMappings ?? []), ...(spec.linux.gidMappings ?? [])]) mapping.hostID = uid;
    Object.assign(spec, { annotations });
    spec.linux.seccomp = seccomp;
    writeFileSync(config, JSON.stringify(spec));
    t.after(() => rmSync(this.dir, { recursive: true }));
  }

  #command(args: readonly string[]): readonly string[] {
    const { runtime, uid = 0 } = this.#options;
    const flags = runtime === "crun" ? ["--cgroup-manager=disabled"] : uid === 0 ? [] : ["--rootless", "true"];
    const as = uid === 0 ? [] : ["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups"];
    const state = join(this.dir, "state");
    return ["-m", "sh", "-c", ALONE, "sh", ...as, runtime, "--root", state, ...flags, ...args];
  }

  /** Starts container `id`. What it is started for reads lines and does them. */
  start(id: string): Words {
    const options: SpawnOptions = { cwd: this.dir, stdio: ["pipe", "pipe", "inherit"], detached: true };
    return new Words(spawn("unshare", this.#command(["run", id]), options));
  }

  /** The same, or one more process of a container that runs, to its end. */
  run(...args: readonly string[]): { code: number | null; out: string } {
    const ran = spawnSync("unshare", this.#command(args), { cwd: this.dir, encoding: "utf8", timeout: 30_000 });
    return { code: ran.status, out: ran.stdout + ran.stderr };
  }
}
