import { spawnSync } from "node:child_process";
import { readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { MountEntry } from "../../core/abi/text/mountinfo.ts";
import { Errno } from "../../core/base/errno.ts";
import { mountAt } from "../linux/mount-table.ts";

const PROBE_MS = 2000;

/**
 * The absolute path of `dir` with the links in its parent resolved, but the directory itself untouched: that may be a
 * mount of ours whose server does not answer, or this very process.
 */
export function mountPath(dir: string): string {
  const absolute = resolve(dir);
  try {
    const parent = realpathSync(dirname(absolute));
    const path = join(parent, basename(absolute));
    try {
      return mountPath(resolve(parent, readlinkSync(path)));
    } catch {
      return path;
    }
  } catch (error) {
    throw new Errno("ENOENT", `${dir}: no such directory`, error);
  }
}

/** The mount at `dir` if it is one of this file system. */
export function ownMountAt(dir: string, subtype: string): MountEntry | undefined {
  const entry = mountAt(dir);
  return entry?.type === `fuse.${subtype}` ? entry : undefined;
}

/**
 * Whether something answers at `dir`. A child process looks, with a deadline: the server may be dead, stuck, or the
 * process that asks.
 */
export function answers(dir: string): boolean {
  const { status } = spawnSync("stat", ["--", dir], {
    timeout: PROBE_MS,
    killSignal: "SIGKILL",
    cwd: "/",
    stdio: "ignore",
  });
  return status === 0;
}

/** ENOTDIR, ENOENT or EACCES unless `dir` is a directory one can mount on. Nothing of ours is mounted there. */
export function checkMountPoint(dir: string): void {
  try {
    if (statSync(dir).isDirectory()) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EACCES")
      throw new Errno("EACCES", `${dir} may not be searched`, error);
    throw new Errno("ENOENT", `${dir}: no such directory; create it first (mkdir ${dir})`, error);
  }
  throw new Errno("ENOTDIR", `${dir} is not a directory`);
}
