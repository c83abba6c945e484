import { Errno } from "../core/base/errno.ts";
import { ROOT_INO } from "../core/procfs/ino.ts";
import { mountFuse, prepareMountPoint, unmountFuse } from "../host/serve/fuse-mount.ts";
import { serveFuse } from "../host/serve/fuse-server.ts";
import { mountPath, ownMountAt } from "../host/serve/mount-point.ts";
import type { LiveHost } from "./compose.ts";
import type { MountSettings } from "./mount-options.ts";

/** Shown by the kernel as the type `fuse.lyonnais`. */
const SUBTYPE = "lyonnais";
/** The first column of df, as in 1993. */
const SOURCE = "proc";

export interface Mounted {
  /** Absolute. */
  readonly dir: string;
  /** Resolves when the mount is gone. */
  readonly ended: Promise<void>;
  /** The FUSE minor version of the kernel, once it has introduced itself. */
  readonly kernelMinor: Promise<number>;
  /** Unmounts and stops serving, also those who still use it: what waits ends with EINTR. {@link ended} follows. */
  stop(): void;
}

/** Where `dir` really is, ready to be mounted on. Errors: `prepareMountPoint`. Not for a process that serves mounts. */
export function mountPoint(dir: string): string {
  return prepareMountPoint(dir, SUBTYPE);
}

/** Mounts the process file system of `host` at `dir`, a {@link mountPoint}, and serves it from this process. EPERM, EACCES. */
export async function mountProcfs(
  host: LiveHost,
  dir: string,
  settings: MountSettings,
  onBug: (error: unknown) => void,
): Promise<Mounted> {
  const mount = await mountFuse(dir, {
    source: SOURCE,
    subtype: SUBTYPE,
    allowOther: settings.allowOther,
    readOnly: settings.live.readOnly,
  });
  // Never stand inside a mount that we serve.
  process.chdir("/");
  const server = serveFuse(mount.fd, host.fileSystem(settings.live), ROOT_INO, onBug);
  return {
    dir: mount.dir,
    kernelMinor: server.kernelMinor,
    ended: server.unmounted,
    stop: () => {
      mount.unmount();
      server.close();
    },
  };
}

/** Ends the mount at `dir`, whoever serves it. EINVAL where none of ours is. */
export function unmountProcfs(dir: string): void {
  const path = mountPath(dir);
  if (!ownMountAt(path, SUBTYPE)) throw new Errno("EINVAL", `nothing of lyonnais is mounted on ${path}`);
  unmountFuse(path);
}
