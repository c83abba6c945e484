import { ForkGrant, VforkGrant } from "../grants/grant.ts";
import type { OperationOf, OperationRow } from "./operations.ts";

/** Processor time after which a fork or the like is taken to be done: copying the page tables of a large address space takes long. */
const FORKED_NS = 100_000_000;

const ROW = { changes: "processes", doneAfterNs: FORKED_NS } as const;
const FREE = { ...ROW, upperBound: () => 0, grant: () => undefined } as const;

/** fork: the child's copy is charged to the payer of the caller's space before the child exists. */
export const fork: OperationRow<OperationOf<"fork">> = {
  ...ROW,
  upperBound: (_operation, { space }) => space.pages,
  fromMap: (_operation, vmas) =>
    vmas.reduce((sum, vma) => sum + (vma.accounted && !vma.dontCopy ? vma.end - vma.start : 0), 0),
  // The child maps the shared memory that its parent maps, so the parent's objects have to be known by name.
  needsMap: (_operation, space, { objects }) => objects.hasUnseen(space),
  grant({ isSibling }, process, call, need, { targets, objects, grants }) {
    const { space } = process;
    const child = space.fork(need);
    objects.inherit(space, child);
    const ppid = isSibling ? (targets.image(process.pid)?.ppid ?? 0) : process.pid;
    const grant = new ForkGrant(process, call, fork, child, ppid);
    grant.isInexact = grants.underway((each) => each === space).calls > 0;
    grant.cancel = () => {
      child.release();
      objects.left(child);
    };
    return grant;
  },
};

export const vfork: OperationRow<OperationOf<"vfork">> = {
  ...FREE,
  // As for fork.
  needsMap: (_operation, space, { objects }) => objects.hasUnseen(space),
  grant: ({ waits }, process, call) => new VforkGrant(process, call, vfork, waits),
};

/** exec is never refused: what the new program reserves is charged when it is there. */
export const exec: OperationRow<OperationOf<"exec">> = FREE;
export const setuid: OperationRow<OperationOf<"setuid">> = FREE;

/** sigaction and ptrace attach are trapped for the repairer of interrupted calls. */
export const handler: OperationRow<OperationOf<"handler">> = { ...FREE, isIgnored: true };
export const trace: OperationRow<OperationOf<"trace">> = { ...FREE, isIgnored: true };
