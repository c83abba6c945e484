import { AT_FDCWD } from "../../core/abi/fcntl.ts";
import { PAGE_SIZE } from "../../core/base/size.ts";
import { readTextAt } from "../linux/file.ts";

/** /proc/meminfo is read again when it is older than this. */
const BELIEVED_MS = 1000;

const pages = (kilobytes: string): number => Math.floor((Number(kilobytes) * 1024) / PAGE_SIZE);

/** What the machine can hold, for bits 0 and 2 of vm.overcommit: pages, read from /proc at use. Errno where that cannot be read. */
export class Supply {
  #read = Number.NEGATIVE_INFINITY;
  #text = "";

  get swapTotal(): number {
    return this.#pages("SwapTotal");
  }

  get pageCount(): number {
    return this.#pages("MemTotal");
  }

  /** What the kernel keeps free for itself: vm.min_free_kbytes. */
  get freeReserved(): number {
    return pages(readTextAt(AT_FDCWD, "/proc/sys/vm/min_free_kbytes", "min_free_kbytes"));
  }

  /** What cannot be paged out: memory locked by programs, and the kernel's own. */
  get wired(): number {
    const names = ["Unevictable", "SUnreclaim", "KernelStack", "PageTables", "Percpu"];
    return names.reduce((sum, name) => sum + this.#pages(name), 0);
  }

  #pages(name: string): number {
    const now = performance.now();
    if (now - this.#read > BELIEVED_MS) {
      this.#text = readTextAt(AT_FDCWD, "/proc/meminfo", "meminfo");
      this.#read = now;
    }
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(this.#text)?.[1] ?? "0";
    return pages(kilobytes);
  }
}
