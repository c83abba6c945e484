import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";

/** Why tests of a mount made by root cannot run here; undefined where they can. */
function whyNoRootMount(): string | undefined {
  if (process.geteuid!() !== 0) return "needs root";
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return "needs /dev/fuse";
  }
}

/** For the options of a test: `{ ...NEEDS_MOUNT }`. A test that hangs is cut off. */
export const NEEDS_MOUNT: { skip: string | false; timeout: number } = {
  skip: whyNoRootMount() ?? false,
  timeout: 60_000,
};

/** Why tests of memory disks cannot run here. */
function whyNoLoop(): string | undefined {
  if (process.geteuid!() !== 0) return "needs root";
  try {
    accessSync("/dev/loop-control", constants.R_OK | constants.W_OK);
  } catch {
    return "needs loop devices";
  }
  const missing = ["mkfs.ext4", "resize2fs", "losetup"].filter((name) => spawnSync(name, ["-V"]).error !== undefined);
  return missing.length === 0 ? undefined : `needs ${missing.join(" and ")}`;
}

/** The same for tests that make memory disks and file systems on them. */
export const NEEDS_LOOP: { skip: string | false; timeout: number } = { skip: whyNoLoop() ?? false, timeout: 120_000 };
