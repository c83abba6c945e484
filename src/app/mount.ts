import { Errno } from "../core/base/errno.ts";
import { mountedDevice, mountFuse, prepareMountPoint, unmountFuse } from "../host/serve/fuse-mount.ts";
import { type FuseServer, resumeFuse, serveFuse } from "../host/serve/fuse-server.ts";
import type { MountMemory } from "../host/serve/mount-memory.ts";
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
  /** Whether it is still mounted there: else it lives only for those who have something of it open. */
  isThere(): boolean;
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

/** What outlives a server of a mount. */
export interface MountStore {
  readonly memory: MountMemory;
  /** Keeps /dev/fuse, of which a copy is `fd`. */
  keep(fd: number): Promise<void>;
  /** Lets go of what is kept: the last copy of the device is this process's again. Once or more. */
  drop(): void;
}

/**
 * Mounts the process file system of `host` at `dir`, a {@link mountPoint}, and serves it from this process, or from one that takes
 * its place if there is a `store`. EPERM, EACCES.
 */
export async function mountProcfs(
  host: LiveHost,
  dir: string,
  settings: MountSettings,
  onBug: (error: unknown) => void,
  store?: MountStore,
): Promise<Mounted> {
  const options = {
    source: SOURCE,
    subtype: SUBTYPE,
    allowOther: settings.allowOther,
    readOnly: settings.live.readOnly,
  };
  const fd = await mountFuse(dir, options, store?.keep);
  // Never stand inside a mount that we serve.
  process.chdir("/");
  const device = mountedDevice(dir);
  if (store && device !== undefined) store.memory.device = device;
  const server = serveFuse({ fd, fs: host.fileSystem(settings.live), memory: store?.memory, turns: host.turns, onBug });
  return mounted(server, dir, device, onBug, store);
}

/** Goes on serving the mount at `dir` for a process that has died; `fd` is its /dev/fuse. */
export function resumeProcfs(
  host: LiveHost,
  fd: number,
  dir: string,
  settings: MountSettings,
  onBug: (error: unknown) => void,
  store: MountStore,
): Mounted {
  const { memory } = store;
  const server = resumeFuse({ fd, fs: host.fileSystem(settings.live), memory, turns: host.turns, onBug });
  // It may have died between mounting and noting this.
  const device = memory.device ?? ownMountAt(dir, SUBTYPE)?.device;
  if (device !== undefined) memory.device = device;
  return mounted(server, dir, device, onBug, store);
}

function mounted(
  server: FuseServer,
  dir: string,
  device: string | undefined,
  onBug: (error: unknown) => void,
  store?: MountStore,
): Mounted {
  const isThere = (): boolean => device !== undefined && mountedDevice(dir) === device;
  return {
    dir,
    isThere,
    kernelMinor: server.kernelMinor,
    ended: server.unmounted.then(() => {
      store?.drop();
      store?.memory.close();
    }),
    stop: () => {
      try {
        // Somebody may have unmounted it, and it lives for those who still use it.
        if (isThere()) unmountFuse(dir);
      } catch (error) {
        onBug(error);
      }
      store?.drop();
      server.close();
    },
  };
}

/** Unmounts what a process that was killed had mounted at `dir` and nobody can serve. */
export function unmountDead(dir: string): void {
  if (ownMountAt(dir, SUBTYPE)) unmountFuse(dir);
}

/** Ends the mount at `dir`, whoever serves it. EINVAL where none of ours is. */
export function unmountProcfs(dir: string): void {
  const path = mountPath(dir);
  if (!ownMountAt(path, SUBTYPE)) throw new Errno("EINVAL", `nothing of lyonnais is mounted on ${path}`);
  unmountFuse(path);
}
