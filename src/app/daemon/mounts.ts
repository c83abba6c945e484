import { isAbsolute } from "node:path";
import { Errno, isErrno } from "../../core/base/errno.ts";
import type { Descriptors } from "../../host/linux/descriptors.ts";
import { libcClose } from "../../host/linux/ffi/libc.ts";
import { MountMemory } from "../../host/serve/mount-memory.ts";
import type { LiveHost } from "../compose.ts";
import { type Mounted, type MountStore, mountProcfs, resumeProcfs, unmountDead } from "../mount.ts";
import { type MountSettings, parseMountOptions } from "../mount-options.ts";

/** Under which a mount's /dev/fuse and its memory are kept, each followed by the mount's number. */
const DEVICE = "mount ";
const MEMORY = "mount-memory ";

/** What a mount's memory says of it. */
interface MountRecord {
  readonly dir: string;
  readonly options: string;
}

/**
 * The daemon's mounts. What each needs is kept in two descriptors, so that a daemon that takes this one's place goes on serving it
 * ({@link recover}); where they cannot be kept the mount ends with the daemon.
 */
export class Mounts {
  readonly #host: LiveHost;
  readonly #descriptors: Descriptors;
  readonly #onBug: (error: unknown) => void;
  readonly #mounts = new Set<Mounted>();
  /** Where mounts are being made. */
  readonly #begun = new Set<string>();
  #next = 1;

  constructor(host: LiveHost, descriptors: Descriptors, onBug: (error: unknown) => void) {
    this.#host = host;
    this.#descriptors = descriptors;
    this.#onBug = onBug;
  }

  get size(): number {
    return this.#mounts.size;
  }

  get dirs(): string[] {
    return [...this.#mounts].map(({ dir }) => dir);
  }

  /** Goes on with what a daemon before this one has mounted. */
  recover(): void {
    const { kept } = this.#descriptors;
    for (const [name, fd] of kept) {
      if (!name.startsWith(MEMORY)) continue;
      const number = Number(name.slice(MEMORY.length));
      this.#next = Math.max(this.#next, number + 1);
      const memory = MountMemory.adopt(fd);
      const store = this.#store(number, memory);
      const { dir, options } = JSON.parse(memory.text) as MountRecord;
      const device = kept.get(DEVICE + number);
      if (device === undefined) {
        // Killed while it was being mounted: nobody has been told that it is there.
        store.drop();
        memory.close();
        unmountDead(dir);
        continue;
      }
      const { live, allowOther } = parseMountOptions(options);
      this.#add(resumeProcfs(this.#host, device, dir, { live, allowOther }, this.#onBug, store));
    }
    for (const [name, fd] of kept) {
      if (!name.startsWith(DEVICE) || kept.has(MEMORY + name.slice(DEVICE.length))) continue;
      this.#descriptors.drop(name);
      libcClose(fd);
    }
  }

  /** Resolves when the mount answers. EINVAL, EBUSY; EPERM and EACCES of mounting. */
  async mount(options: string, dir: string): Promise<void> {
    const settings = parseMountOptions(options);
    if (!isAbsolute(dir)) throw new Errno("EINVAL", `${dir} is no absolute path`);
    // Whatever is below a mount of ours would be asked of ourselves.
    const taken = [...this.#begun, ...[...this.#mounts].filter((each) => each.isThere()).map((each) => each.dir)];
    const own = taken.find((each) => dir === each || dir.startsWith(`${each}/`));
    if (own) throw new Errno("EBUSY", `${own} is mounted already (lyonnais umount ${own})`);
    this.#begun.add(dir);
    try {
      const mounted = await this.#make(dir, options, settings);
      this.#add(mounted);
      await Promise.race([mounted.kernelMinor, mounted.ended]);
    } finally {
      this.#begun.delete(dir);
    }
  }

  /** Unmounts all, also those that are in use. */
  async stop(): Promise<void> {
    const all = [...this.#mounts];
    for (const mounted of all) mounted.stop();
    await Promise.all(all.map(({ ended }) => ended));
  }

  async #make(dir: string, options: string, settings: MountSettings): Promise<Mounted> {
    const record: MountRecord = { dir, options };
    const store = this.#store(this.#next++, MountMemory.create(JSON.stringify(record)));
    try {
      return await mountProcfs(this.#host, dir, settings, this.#onBug, store);
    } catch (error) {
      store.drop();
      store.memory.close();
      throw error;
    }
  }

  #store(number: number, memory: MountMemory): MountStore {
    return {
      memory,
      keep: async (fd) => {
        try {
          // The memory first: a device without one says nothing.
          await this.#descriptors.hold(MEMORY + number, memory.fd);
          await this.#descriptors.hold(DEVICE + number, fd);
        } catch (error) {
          if (!isErrno(error)) throw error;
          this.#onBug(new Errno(error.code, `this mount ends with the daemon: ${error.reason}`, error));
        }
      },
      drop: () => {
        this.#descriptors.drop(DEVICE + number);
        this.#descriptors.drop(MEMORY + number);
      },
    };
  }

  #add(mounted: Mounted): void {
    this.#mounts.add(mounted);
    mounted.ended.then(() => this.#mounts.delete(mounted), this.#onBug);
  }
}
