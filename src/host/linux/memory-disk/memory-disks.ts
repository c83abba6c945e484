import { Errno, isErrno } from "../../../core/base/errno.ts";
import { closeDescriptor } from "../file.ts";
import { readMountTable } from "../mount-table.ts";
import { type DiskLabel, decodeLabel, encodeLabel } from "./label.ts";
import { attach, detach, followFileSize, freeLoop, type LoopUse, labelOf, openLoop } from "./loop-device.ts";
import { createMemoryFile, handleOf, reopenMemoryFile, setFileSize } from "./memory-file.ts";
import { deviceNumber, FILE_PREFIX, type FoundLoop, findLoops, isAttached } from "./sysfs.ts";

/** How long others may still have a device open that is to go, as udev opens every device that changes. */
const GRACE_MS = 2000;
const LOOK_MS = 20;

export interface DiskRequest {
  readonly bytes: number;
  /** Who pays. */
  readonly uid: number;
  /** Pages, or infinity: kept with the disk. */
  readonly limit: number;
}

export interface MemoryDisk extends DiskRequest {
  /** /dev/loopN */
  readonly device: string;
  /** Differs when another disk has taken the same device. */
  readonly use: string;
}

/**
 * Loop devices above memory files, md(4) of type swap. The kernel keeps them, and with each the label that its maker left: what
 * there is, is asked of the kernel, and outlives this process. `owner`, 8 hexadecimal digits, tells ours from others.
 */
export class MemoryDisks {
  readonly #owner: string;
  /** What the labels said: opening a device is an event to all who watch it, so it is done once. */
  readonly #labels = new Map<string, { readonly use: string; readonly label: DiskLabel | undefined }>();

  constructor(owner: string) {
    this.#owner = owner;
  }

  list(): MemoryDisk[] {
    const found = findLoops();
    for (const device of this.#labels.keys()) {
      if (!found.some((each) => each.device === device)) this.#labels.delete(device);
    }
    return found.flatMap((loop) => {
      const label = this.#label(loop);
      return label ? [{ ...loop, uid: label.uid, limit: label.limit }] : [];
    });
  }

  #label({ device, use }: FoundLoop): DiskLabel | undefined {
    let known = this.#labels.get(device);
    if (known?.use !== use) {
      known = { use, label: this.#readLabel(device) };
      this.#labels.set(device, known);
    }
    return known.label;
  }

  #readLabel(device: string): DiskLabel | undefined {
    try {
      const loop = openLoop(device, "look");
      try {
        return this.#ownLabel(loop);
      } finally {
        closeDescriptor(loop);
      }
    } catch (error) {
      // Whose device cannot be opened is none of ours.
      if (isErrno(error)) return undefined;
      throw error;
    }
  }

  #ownLabel(loop: number): DiskLabel | undefined {
    const label = decodeLabel(labelOf(loop) ?? "");
    return label?.owner === this.#owner ? label : undefined;
  }

  /** The device of the next disk, unless another process takes it before. */
  nextDevice(): string {
    return freeLoop();
  }

  /** EBUSY: the device has been taken. */
  create(device: string, { bytes, uid, limit }: DiskRequest): void {
    const file = createMemoryFile(`${FILE_PREFIX}${uid}`, bytes);
    try {
      const loop = openLoop(device, "change");
      try {
        attach(loop, file, encodeLabel({ owner: this.#owner, uid, limit, file: handleOf(file) }), device);
      } finally {
        closeDescriptor(loop);
      }
    } finally {
      // The device has its own hold on it.
      closeDescriptor(file);
    }
  }

  /** EBUSY: it would get smaller under a mounted file system. */
  resize({ device, bytes: before }: MemoryDisk, bytes: number): void {
    const loop = this.#open(device, bytes < before ? "exclusive" : "change", "cannot get smaller");
    try {
      const file = reopenMemoryFile(this.#ownLabel(loop)!.file, `${device} keeps its size`);
      try {
        setFileSize(file, bytes);
        followFileSize(loop, device);
      } finally {
        closeDescriptor(file);
      }
    } finally {
      closeDescriptor(loop);
    }
  }

  /** Destroys a disk: its memory is free afterwards. EBUSY: the disk is in use, and stays. */
  async destroy({ device }: MemoryDisk): Promise<void> {
    const end = performance.now() + GRACE_MS;
    const loop = this.#open(device, "exclusive", "stays");
    try {
      while (!detach(loop, device)) {
        if (performance.now() > end) throw new Errno("EBUSY", `${device} stays: a program has it open; end that first`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    } finally {
      closeDescriptor(loop);
    }
    // Some kernels let it go a moment after the last close.
    while (isAttached(device) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }

  /** Opens a disk of ours. `refused` is what EBUSY means for it. */
  #open(device: string, use: LoopUse, refused: string): number {
    let loop: number;
    try {
      loop = openLoop(device, use);
    } catch (error) {
      if (!isErrno(error, "EBUSY")) throw error;
      throw new Errno("EBUSY", `${device} ${refused}: ${whatUses(device)}`, error);
    }
    if (this.#ownLabel(loop)) return loop;
    closeDescriptor(loop);
    throw new Errno("ENODEV", `${device} is a memory disk no more`);
  }
}

function whatUses(device: string): string {
  const number = deviceNumber(device);
  const mount = readMountTable().find((each) => each.device === number);
  if (mount) return `it is mounted on ${mount.dir}; unmount that first (umount ${mount.dir})`;
  return "it is mounted out of our sight, used as swap, or below another device; end that first";
}
