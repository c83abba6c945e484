import { Errno } from "../../core/base/errno.ts";
import type { DiskActions } from "./disks.ts";

/** Bytes, exact. */
function bytes(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count)) throw new Errno("EINVAL", `${text} is no number of bytes; stay below 2^53`);
  return count;
}

/** A uid; -1 stands for none in system calls. */
function uid(text: string): number {
  const id = Number(text);
  if (id >= 0xffffffff) throw new Errno("EINVAL", `${text} is no uid; say a number below ${0xffffffff}`);
  return id;
}

const CREATE = /^create (\d+) (\d+) (\d+|infinity)$/;
const RESIZE = /^resize (\S+) (\d+)$/;
const DESTROY = /^destroy (\S+)$/;

/** What follows `md ` on `ctl`. Resolves to what there is to answer, if anything. */
export async function diskWord(text: string, disks: DiskActions): Promise<string | undefined> {
  const create = CREATE.exec(text);
  if (create) {
    const [, size, payer, limit] = create;
    const most = limit === "infinity" ? Number.POSITIVE_INFINITY : bytes(limit!);
    return disks.create(bytes(size!), uid(payer!), most);
  }
  const resize = RESIZE.exec(text);
  if (resize) await disks.resize(resize[1]!, bytes(resize[2]!));
  const destroy = DESTROY.exec(text);
  if (destroy) await disks.destroy(destroy[1]!);
  if (!resize && !destroy) {
    const known = "create BYTES UID LIMIT, resize DEVICE BYTES, destroy DEVICE";
    throw new Errno("EINVAL", `md takes ${known}, not ${JSON.stringify(text)}`);
  }
  return undefined;
}

/** The file `disks`: a line each, device, size in bytes, uid. */
export function diskLines(disks: DiskActions): string {
  return disks
    .list()
    .map(({ device, bytes: size, uid: payer }) => `${device} ${size} ${payer}\n`)
    .join("");
}

export interface DiskLine {
  readonly device: string;
  readonly bytes: number;
  readonly uid: number;
}

/** Reads {@link diskLines} back. */
export function parseDiskLines(text: string): DiskLine[] {
  return [...text.matchAll(/^(\S+) (\d+) (\d+)$/gm)].map(([, device, size, payer]) => ({
    device: device!,
    bytes: Number(size),
    uid: Number(payer),
  }));
}
