import { ForkGrant, VforkGrant } from "./grant.ts";
import type { OperationOf, OperationRow } from "./operations.ts";

/** Copying the tables of a large memory takes a while. */
const FORKED_NS = 100_000_000;

const ROW = { changes: "processes", doneAfterNs: FORKED_NS } as const;
const FREE = { ...ROW, upperBound: () => 0, grant: () => undefined } as const;

/** A copy of everything that a child gets, paid for by the caller's real uid before it is made. */
export const fork: OperationRow<OperationOf<"fork">> = {
  ...ROW,
  upperBound: (_operation, { space }) => space.pages,
  fromMap: (_operation, vmas) =>
    vmas.reduce((sum, vma) => sum + (vma.accounted && !vma.dontCopy ? vma.end - vma.start : 0), 0),
  // A child maps what its parent maps: that has to be known.
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
  // As a child of fork.
  needsMap: (_operation, space, { objects }) => objects.hasUnseen(space),
  grant: ({ waits }, process, call) => new VforkGrant(process, call, vfork, waits),
};

/** What the new program brings is counted when it is there. */
export const exec: OperationRow<OperationOf<"exec">> = FREE;
export const setuid: OperationRow<OperationOf<"setuid">> = FREE;

/** What becomes of a signal, and who traces whom: for whoever repairs what signals do to trapped calls. */
export const handler: OperationRow<OperationOf<"handler">> = { ...FREE, isIgnored: true };
export const trace: OperationRow<OperationOf<"trace">> = { ...FREE, isIgnored: true };
