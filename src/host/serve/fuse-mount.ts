import { Errno, errnoName } from "../../core/base/errno.ts";
import { errnoNow, libcClose, libcMount, libcUmount2 } from "../linux/ffi/libc.ts";
import { mountAt } from "../linux/mount-table.ts";
import { openFuseDevice } from "./fuse-device.ts";
import { fusermount, fuserUnmount } from "./fusermount.ts";
import type { FuseMountOptions } from "./mount-options.ts";
import { answers, checkMountPoint, mountPath, ownMountAt } from "./mount-point.ts";

/** mount(2) and umount2(2), linux/mount.h. */
const MS_RDONLY = 1;
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MNT_DETACH = 2;

/** Keeps a copy of /dev/fuse where it outlives this process, if at all possible before it is mounted. */
export type KeepDevice = (fd: number) => Promise<void>;

function mountAsRoot(fd: number, dir: string, options: FuseMountOptions): void {
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
  if (libcMount(options.source, dir, `fuse.${options.subtype}`, flags, words.join(",")) === 0) return;
  const code = errnoName(errnoNow());
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

/**
 * Mounts at `path`, which was prepared: root by mount(2), anybody else by fusermount3, which makes the device itself. The result
 * is the mounted /dev/fuse, not yet served. EPERM, EACCES.
 */
export async function mountFuse(path: string, options: FuseMountOptions, keep?: KeepDevice): Promise<number> {
  const isRoot = process.geteuid!() === 0;
  const fd = isRoot ? openFuseDevice() : await fusermount(path, options);
  try {
    await keep?.(fd);
    if (isRoot) mountAsRoot(fd, path, options);
    return fd;
  } catch (error) {
    if (!isRoot) unmountFuse(path);
    libcClose(fd);
    throw error;
  }
}

/** `major:minor` of what is mounted at `dir`, an absolute path without links; undefined where nothing is. */
export function mountedDevice(dir: string): string | undefined {
  return mountAt(dir)?.device;
}
