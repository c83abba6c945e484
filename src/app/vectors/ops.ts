import * as v from "valibot";
import { UNLIMITED } from "../../core/charges/unlimited.ts";
import type { World } from "./world.ts";

const name = v.string();
/** Sums of pages stay exact below this, in bytes too. */
export const MOST_PAGES: number = 2 ** 40;
export const count: v.GenericSchema<unknown, number> = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(0),
  v.maxValue(MOST_PAGES),
);
const page = count;
/** `vm.overcommit`, or rights: three bits. */
export const threeBits: v.GenericSchema<unknown, number> = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(0),
  v.maxValue(7),
);
const prot = threeBits;
const flag = v.optional(v.boolean(), false);
const result = v.optional(v.string());
/** Null is no limit. */
const limit = v.nullable(count);

/** What came of an operation, in the words of the vectors, or the name of what it made. */
export type Outcome = string;

interface OpRow<Args> {
  readonly schema: v.GenericSchema<unknown, Args>;
  /** Returns the result in the words of the vectors. `made` is the name for a new process, segment, descriptor or disk. */
  readonly run: (world: World, args: Args, made: string) => Outcome;
}

function op<Entries extends v.ObjectEntries>(
  entries: Entries,
  run: (world: World, args: v.InferOutput<v.StrictObjectSchema<Entries, undefined>>, made: string) => Outcome,
): OpRow<never> {
  const schema = v.strictObject({ op: v.string(), result, ...entries });
  return { schema, run } as unknown as OpRow<never>;
}

/** What the C library says for a refused reservation, where upstream's call has an errno of its own. */
const ERRNO: Readonly<Record<string, string>> = { RESOURCE_SHORTAGE: "ENOMEM", PROTECTION_FAILURE: "EACCES" };

/** One row an operation of a vectors file: its arguments, and what it does. */
export const OPS: Readonly<Record<string, OpRow<never>>> = {
  mmap: op(
    {
      proc: name,
      start: page,
      pages: count,
      prot,
      max_prot: v.optional(prot),
      fixed: flag,
      shared: flag,
      stack: flag,
      /** FreeBSD ignores it; the seed rules take it as Linux does: free. */
      noreserve: flag,
      file: v.optional(name),
      off: v.optional(page, 0),
    },
    (world, { proc, start, pages, prot, max_prot, fixed, shared, stack, noreserve, file, off }) =>
      world.vm.mmap(world.proc(proc), {
        ...{ start, pages, prot, fixed, shared, stack, noReserve: noreserve, offset: off },
        ...(max_prot === undefined ? {} : { maxProt: max_prot }),
        ...(file === undefined ? {} : { object: world.mappable(file) }),
      }),
  ),
  munmap: op({ proc: name, start: page, end: page }, (world, { proc, start, end }) =>
    world.vm.munmap(world.proc(proc), start, end),
  ),
  mprotect: op({ proc: name, start: page, end: page, prot }, (world, { proc, start, end, prot }) => {
    const done = world.vm.mprotect(world.proc(proc), start, end, prot);
    return ERRNO[done] ?? done;
  }),
  mremap: op(
    { proc: name, start: page, old_pages: count, new_pages: count, to: v.optional(page), dontunmap: flag },
    (world, { proc, start, old_pages, new_pages, to, dontunmap }) => {
      const moves = to === undefined ? {} : { to };
      const request = { start, oldPages: old_pages, newPages: new_pages, keepsOld: dontunmap, ...moves };
      const done = world.vm.mremap(world.proc(proc), request);
      return ERRNO[done] ?? done;
    },
  ),
  minherit: op(
    { proc: name, start: page, end: page, inherit: v.picklist(["share", "copy", "none", "zero"]) },
    (world, { proc, start, end, inherit }) => world.vm.minherit(world.proc(proc), start, end, inherit),
  ),
  madvise: op(
    {
      proc: name,
      start: page,
      end: page,
      advice: v.picklist(["normal", "sequential", "random", "willneed", "dontneed", "free"]),
    },
    (world, { proc, start, end, advice }) => world.vm.madvise(world.proc(proc), start, end, advice),
  ),
  mlock: op({ proc: name, start: page, end: page }, (world, { proc, start, end }) => {
    const done = world.vm.mlock(world.proc(proc), start, end);
    return ERRNO[done] ?? done;
  }),
  munlock: op({ proc: name, start: page, end: page }, (world, { proc, start, end }) =>
    world.vm.munlock(world.proc(proc), start, end),
  ),
  /** `by`: another process does it, as a debugger, in the memory of `proc`. */
  fault: op(
    { proc: name, page, write: flag, copyflag: flag, by: v.optional(name) },
    (world, { proc, page, write, copyflag, by = proc }) => {
      const access = copyflag ? "override" : write ? "write" : "read";
      return world.vm.fault(world.proc(by, "by"), page, access, world.proc(proc));
    },
  ),
  brk: op({ proc: name, end: page }, (world, { proc, end }) => {
    const done = world.vm.obreak(world.proc(proc), end);
    return done === "OK" ? done : "ENOMEM";
  }),
  stack_create: op({ proc: name, top: page, max_pages: count }, (world, { proc, top, max_pages }) =>
    world.vm.stackCreate(world.proc(proc), top, max_pages),
  ),
  stack_fault: op({ proc: name, page }, (world, { proc, page }) =>
    world.vm.stackGrow(world.proc(proc), page) === "OK" ? "OK" : "SIGSEGV",
  ),
  fork: op({ proc: name }, (world, { proc }, made) => {
    const child = world.vm.fork(world.proc(proc));
    return typeof child === "string" ? child : keep(made, () => world.procs.set(made, child));
  }),
  fork_fail_nproc: op({ proc: name }, (world, { proc }) => {
    const refused = world.vm.fork(world.proc(proc), "EAGAIN");
    return typeof refused === "string" ? refused : "OK";
  }),
  rfork_mem: op({ proc: name }, (world, { proc }, made) => {
    const child = world.vm.rforkMem(world.proc(proc));
    return keep(made, () => world.procs.set(made, child));
  }),
  rfork_unshare: op({ proc: name }, (world, { proc }) => world.vm.rforkUnshare(world.proc(proc))),
  exec_begin: op({ proc: name }, (world, { proc }) => done(world.vm.execBegin(world.proc(proc)))),
  exit: op({ proc: name }, (world, { proc }) => {
    world.vm.exit(world.proc(proc));
    return done(world.procs.delete(proc));
  }),
  setuid: op({ proc: name, uid: count }, (world, { proc, uid }) => done(world.vm.setuid(world.proc(proc), uid))),
  seteuid: op({ proc: name, euid: count }, (world, { proc, euid }) => {
    world.proc(proc).euid = euid;
    return "OK";
  }),
  setrlimit: op({ proc: name, pages: limit }, (world, { proc, pages }) => {
    world.proc(proc).rlimitSwap = pages ?? UNLIMITED;
    return "OK";
  }),
  set_swap_total: op({ proc: v.optional(name), pages: limit }, (world, { pages }) => {
    world.vm.ledger.swapTotal = pages ?? UNLIMITED;
    return "OK";
  }),
  set_overcommit: op({ proc: v.optional(name), bits: threeBits }, (world, { bits }) => {
    world.vm.ledger.overcommit = bits;
    return "OK";
  }),
  shmget: op({ proc: name, pages: count, phys: flag }, (world, { proc, pages, phys }, made) => {
    const segment = world.vm.shmget(world.proc(proc), pages, phys);
    return segment ? keep(made, () => world.addSegment(made, segment)) : "ENOMEM";
  }),
  shmat: op({ proc: name, seg: name, start: page }, (world, { proc, seg, start }) =>
    world.vm.shmat(world.proc(proc), world.segment(seg), start),
  ),
  shmdt: op({ proc: name, start: page }, (world, { proc, start }) => world.vm.shmdt(world.proc(proc), start)),
  shm_rmid: op({ proc: v.optional(name), seg: name }, (world, { seg }) => world.vm.shmRemove(world.segment(seg))),
  shm_open: op({ proc: name }, (world, { proc }, made) => {
    const object = world.vm.shmOpen(world.proc(proc));
    return object ? keep(made, () => world.addHandle("fd", made, object)) : "ENOMEM";
  }),
  ftruncate: op({ proc: name, fd: name, pages: count }, (world, { proc, fd, pages }) =>
    world.vm.resize(world.proc(proc), world.handle("fd", fd), pages) ? "OK" : "ENOMEM",
  ),
  shm_unlink_and_close: op({ proc: v.optional(name), fd: name }, (world, { fd }) =>
    done(world.vm.closeHandle(world.takeHandle("fd", fd))),
  ),
  /** A disk is `MD0`, the next one `MD1`; an operation that names none means the first. */
  md_create: op({ proc: name, pages: count }, (world, { proc, pages }) => {
    const disk = world.vm.mdCreate(world.proc(proc), pages);
    const unit = world.freshName("MD", 0);
    return disk ? done(world.addHandle("md", unit, disk, true)) : "ENOMEM";
  }),
  md_resize: op({ proc: name, pages: count, md: v.optional(name, "MD0") }, (world, { proc, pages, md }) =>
    world.vm.resize(world.proc(proc), world.handle("md", md), pages) ? "OK" : "ENOMEM",
  ),
  md_destroy: op({ proc: name, md: v.optional(name, "MD0") }, (world, { md }) =>
    done(world.vm.closeHandle(world.takeHandle("md", md))),
  ),
};

function done(_: unknown): Outcome {
  return "OK";
}

function keep(made: string, register: () => void): Outcome {
  register();
  return made;
}

/** The prefix of an automatic name for what an operation makes. */
export const MAKES: Readonly<Record<string, string>> = { fork: "P", rfork_mem: "P", shmget: "seg_O", shm_open: "fd_O" };
