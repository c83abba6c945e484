import { readdirSync, readFileSync } from "node:fs";

const BLOCK = "/sys/block";
const SECTOR = 512;

/** The beginning of the names of our memory files; the uid follows. */
export const FILE_PREFIX = "lyonnais-md-";

/** A loop device above a memory file with such a name, as sysfs shows it without the device being opened. */
export interface FoundLoop {
  /** /dev/loopN */
  readonly device: string;
  readonly bytes: number;
  /** Differs when the device has been used for something else in between. */
  readonly use: string;
}

function text(path: string): string {
  try {
    return readFileSync(path, "latin1").trim();
  } catch {
    return "";
  }
}

function loopNames(): string[] {
  try {
    return readdirSync(BLOCK).filter((name) => /^loop\d+$/.test(name));
  } catch {
    // Without sysfs there is no disk that could be found.
    return [];
  }
}

export function findLoops(): FoundLoop[] {
  const found: FoundLoop[] = [];
  for (const name of loopNames()) {
    const file = text(`${BLOCK}/${name}/loop/backing_file`);
    if (!file.startsWith(`/memfd:${FILE_PREFIX}`)) continue;
    const bytes = Number(text(`${BLOCK}/${name}/size`)) * SECTOR;
    found.push({ device: `/dev/${name}`, bytes, use: `${file} ${text(`${BLOCK}/${name}/diskseq`)}` });
  }
  return found.sort((a, b) => Number(a.device.slice(9)) - Number(b.device.slice(9)));
}

/** Whether a file is attached to `device`. */
export function isAttached(device: string): boolean {
  return text(`${BLOCK}/${device.slice(5)}/loop/backing_file`) !== "";
}

/** `major:minor` of `device`. */
export function deviceNumber(device: string): string {
  return text(`${BLOCK}/${device.slice(5)}/dev`);
}
