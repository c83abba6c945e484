/** The seed rules page by page, as slowly and plainly as can be: what `core/vm` is held against. */

export interface Limits {
  readonly overcommit: number;
  readonly supply: number;
}

export interface Shared {
  readonly payer: number;
  size: number;
  /** Pages of any process that map it, and its descriptor. */
  references: number;
}

interface Page {
  prot: number;
  /** Who pays for this page of private memory. */
  payer: number | undefined;
  readonly isPrivate: boolean;
  readonly shared: Shared | undefined;
  /** MAP_NORESERVE: nobody ever pays. */
  readonly free: boolean;
  inherit: "share" | "copy" | "none" | "zero";
}

export interface NaiveProc {
  ruid: number;
  euid: number;
  rlimit: number;
  pages: Map<number, Page>;
}

const WRITE = 2;

export class NaiveAccounts {
  readonly uids = new Map<number, number>();
  total = 0;
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  #count(pages: number, uid: number): void {
    this.total += pages;
    this.uids.set(uid, (this.uids.get(uid) ?? 0) + pages);
  }

  #fits(pages: number, uid: number, by: NaiveProc): boolean {
    if (by.euid === 0) return true;
    const { overcommit, supply } = this.#limits;
    if ((overcommit & 1) !== 0 && this.total + pages > supply) return false;
    return (overcommit & 2) === 0 || (this.uids.get(uid) ?? 0) + pages <= by.rlimit;
  }

  #reserve(pages: number, uid: number, by: NaiveProc): boolean {
    if (!this.#fits(pages, uid, by)) return false;
    this.#count(pages, uid);
    return true;
  }

  isFree(proc: NaiveProc, start: number, end: number): boolean {
    for (let at = start; at < end; at++) if (proc.pages.has(at)) return false;
    return true;
  }

  isPrivate(proc: NaiveProc, start: number, end: number): boolean {
    for (let at = start; at < end; at++) if (proc.pages.get(at)?.isPrivate === false) return false;
    return true;
  }

  /** Private memory, of a file or not. */
  mapPrivate(proc: NaiveProc, start: number, end: number, prot: number, fixed: boolean, free = false): string {
    if (!fixed && !this.isFree(proc, start, end)) return "NO_SPACE";
    const pays = (prot & WRITE) !== 0 && !free;
    const old = fixed ? this.#paid(proc, start, end) : [];
    for (const uid of old) this.#count(-1, uid);
    if (pays && !this.#reserve(end - start, proc.ruid, proc)) {
      for (const uid of old) this.#count(1, uid);
      return "RESOURCE_SHORTAGE";
    }
    for (const uid of old) this.#count(1, uid);
    this.unmap(proc, start, end);
    const payer = pays ? proc.ruid : undefined;
    for (let at = start; at < end; at++) {
      proc.pages.set(at, { prot, payer, isPrivate: true, shared: undefined, free, inherit: "copy" });
    }
    return "OK";
  }

  #paid(proc: NaiveProc, start: number, end: number): number[] {
    const payers: number[] = [];
    for (let at = start; at < end; at++) {
      const payer = proc.pages.get(at)?.payer;
      if (payer !== undefined) payers.push(payer);
    }
    return payers;
  }

  /** Shared memory: without `shared`, new anonymous memory, paid for at once. */
  mapShared(proc: NaiveProc, start: number, end: number, prot: number, shared?: Shared): string {
    if (shared === undefined && !this.#reserve(end - start, proc.ruid, proc)) return "RESOURCE_SHORTAGE";
    const object = shared ?? { payer: proc.ruid, size: end - start, references: 0 };
    if (!this.isFree(proc, start, end)) {
      if (shared === undefined) this.#count(-(end - start), proc.ruid);
      return "NO_SPACE";
    }
    for (let at = start; at < end; at++) {
      object.references++;
      proc.pages.set(at, { prot, payer: undefined, isPrivate: false, shared: object, free: false, inherit: "share" });
    }
    return "OK";
  }

  newShared(proc: NaiveProc): Shared | undefined {
    return this.#reserve(0, proc.ruid, proc) ? { payer: proc.ruid, size: 0, references: 1 } : undefined;
  }

  resizeShared(proc: NaiveProc, shared: Shared, size: number): boolean {
    const more = size - shared.size;
    if (more > 0 && !this.#reserve(more, shared.payer, proc)) return false;
    if (more < 0) this.#count(more, shared.payer);
    shared.size = size;
    return true;
  }

  dropShared(shared: Shared): void {
    shared.references--;
    if (shared.references === 0) this.#count(-shared.size, shared.payer);
  }

  unmap(proc: NaiveProc, start: number, end: number): void {
    for (let at = start; at < end; at++) {
      const page = proc.pages.get(at);
      if (!page) continue;
      if (page.payer !== undefined) this.#count(-1, page.payer);
      if (page.shared) this.dropShared(page.shared);
      proc.pages.delete(at);
    }
  }

  protect(proc: NaiveProc, start: number, end: number, prot: number): string {
    const range: Page[] = [];
    for (let at = start; at < end; at++) {
      const page = proc.pages.get(at);
      if (page) range.push(page);
    }
    const gaining = range.filter(
      (page) => (prot & ~page.prot & WRITE) !== 0 && page.isPrivate && !page.free && page.payer === undefined,
    );
    if (gaining.length > 0 && !this.#reserve(gaining.length, proc.ruid, proc)) return "RESOURCE_SHORTAGE";
    for (const page of gaining) page.payer = proc.ruid;
    for (const page of range) page.prot = prot;
    return "OK";
  }

  /** mremap(2) of a range that is one mapping, to a place that is free. */
  remap(proc: NaiveProc, start: number, oldPages: number, newPages: number, to = start, keepsOld = false): string {
    const last = proc.pages.get(start + oldPages - 1)!;
    const price = last.payer === undefined ? 0 : keepsOld ? newPages : Math.max(0, newPages - oldPages);
    if (price > 0 && !this.#reserve(price, proc.ruid, proc)) return "RESOURCE_SHORTAGE";
    const kept: Page[] = [];
    for (let at = start; at < start + Math.min(oldPages, newPages); at++) kept.push(proc.pages.get(at)!);
    if (!keepsOld) {
      this.unmap(proc, start + newPages, start + oldPages);
      for (let at = start; at < start + kept.length; at++) proc.pages.delete(at);
    }
    const payer = last.payer === undefined ? undefined : proc.ruid;
    for (let i = 0; i < newPages; i++) {
      const old = kept[i];
      if (old && !keepsOld && old.payer !== undefined && to !== start) {
        this.#count(-1, old.payer);
        this.#count(1, proc.ruid);
      }
      if (!old && last.shared) last.shared.references++;
      proc.pages.set(to + i, { ...last, payer: old && to === start ? old.payer : payer });
    }
    return "OK";
  }

  inherit(proc: NaiveProc, start: number, end: number, inherit: Page["inherit"]): void {
    for (let at = start; at < end; at++) {
      const page = proc.pages.get(at);
      if (page) page.inherit = inherit;
    }
  }

  fork(parent: NaiveProc): NaiveProc | undefined {
    const heirs = [...parent.pages].filter(([, { inherit }]) => inherit !== "none");
    const sum = heirs.filter(([, { inherit, payer }]) => inherit !== "share" && payer !== undefined).length;
    if (!this.#reserve(sum, parent.ruid, parent)) return undefined;
    const pages = heirs.map(([at, page]): [number, Page] => {
      if (page.shared) page.shared.references++;
      return [at, { ...page, payer: page.payer === undefined ? undefined : parent.ruid }];
    });
    return { ...parent, pages: new Map(pages) };
  }

  exit(proc: NaiveProc): void {
    for (const at of [...proc.pages.keys()]) this.unmap(proc, at, at + 1);
  }
}
