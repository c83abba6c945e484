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
