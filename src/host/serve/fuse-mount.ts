import { Errno, errnoName } from "../../core/base/errno.ts";
import { errnoNow, libcClose, libcMount, libcUmount2 } from "../linux/ffi/libc.ts";
import { openFuseDevice } from "./fuse-device.ts";
import { fusermount, fuserUnmount } from "./fusermount.ts";
import type { FuseMountOptions } from "./mount-options.ts";
import { answers, checkMountPoint, mountPath, ownMountAt } from "./mount-point.ts";

/** mount(2) and umount2(2), linux/mount.h. */
const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MNT_DETACH = 2;

/** A mounted /dev/fuse, not yet served. */
export interface FuseMount {
  readonly fd: number;
  /** Absolute, without links. */
  readonly dir: string;
  unmount(): void;
}

function mountAsRoot(dir: string, options: FuseMountOptions): number {
  const fd = openFuseDevice();
  const words = [
    `fd=${fd}`,
    "rootmode=40000",
    `user_id=${process.getuid!()}`,
    `group_id=${process.getgid!()}`,
    "default_permissions",
    "max_read=1048576",
    ...(options.allowOther ? ["allow_other"] : []),
  ];
  const flags = MS_NOSUID | MS_NODEV | (options.readOnly ? MS_RDONLY : 0);
  if (libcMount(options.source, dir, `fuse.${options.subtype}`, flags, words.join(",")) === 0) return fd;
  const code = errnoName(errnoNow());
  libcClose(fd);
  throw new Errno(code, code === "EPERM" ? `mounting on ${dir} needs CAP_SYS_ADMIN` : `cannot mount on ${dir}`);
}

/** Ends the mount at `dir`, at once or when the last user is gone. EINVAL where nothing is mounted. */
export function unmountFuse(dir: string): void {
  if (process.geteuid!() !== 0) fuserUnmount(dir);
  else if (libcUmount2(dir, 0) !== 0 && libcUmount2(dir, MNT_DETACH) !== 0) {
    const code = errnoName(errnoNow());
    throw new Errno(code, code === "EINVAL" ? `nothing is mounted on ${dir}` : `cannot unmount ${dir}`);
  }
}

/**
 * The absolute path of `dir`, where one can mount now: a mount of ours that nobody serves any more is gone. EBUSY where one
 * is alive; ENOTDIR, ENOENT, EACCES. Looks at the place, so never for a process that may be serving what is there.
 */
export function prepareMountPoint(dir: string, subtype: string): string {
  const path = mountPath(dir);
  if (ownMountAt(path, subtype)) {
    if (answers(path)) throw new Errno("EBUSY", `${path} is mounted already (lyonnais umount ${path})`);
    unmountFuse(path);
  }
  checkMountPoint(path);
  return path;
}

/** Mounts at `path`, which was prepared: root by mount(2), anybody else by fusermount3. EPERM, EACCES. */
export async function mountFuse(path: string, options: FuseMountOptions): Promise<FuseMount> {
  const fd = process.geteuid!() === 0 ? mountAsRoot(path, options) : await fusermount(path, options);
  return { fd, dir: path, unmount: () => unmountFuse(path) };
}
