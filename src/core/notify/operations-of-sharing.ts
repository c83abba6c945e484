import { Grant, ObjectGrant } from "../grants/grant.ts";
import type { OperationOf, OperationRow } from "./operations.ts";
import { DONE_NS } from "./operations-of-memory.ts";

/** mmap of anonymous shared memory creates an object, charged once to its creator. */
export const share: OperationRow<OperationOf<"share">> = {
  changes: "map",
  doneAfterNs: DONE_NS,
  upperBound: ({ fd, pages }, { pid }, { targets }) => (fd === undefined || targets.isZero(pid, fd) ? pages : 0),
  grant(_operation, process, call, need, { objects }) {
    if (need === 0) return undefined;
    const grant = new ObjectGrant(process, call, share, objects.charge(process.space, need));
    grant.cancel = () => objects.giveUp(grant);
    return grant;
  },
};

/** shmget creates a System V segment, unless the key has one; charged once to its creator. */
export const segment: OperationRow<OperationOf<"segment">> = {
  changes: "shared",
  doneAfterNs: DONE_NS,
  upperBound: ({ key, pages }, _process, { objects }) => objects.segmentNeed(key, pages),
  grant({ key }, process, call, need, { objects }) {
    if (need === 0) return undefined;
    const grant = new ObjectGrant(process, call, segment, objects.charge(process.space, need), key);
    grant.cancel = () => objects.giveUp(grant);
    return grant;
  },
};

/** ftruncate or fallocate of a memory file: charged with what the file grows by, to the caller where the file is new. */
export const resize: OperationRow<OperationOf<"resize">> = {
  changes: "shared",
  doneAfterNs: DONE_NS,
  upperBound({ fd, pages }, { pid }, { targets, objects }) {
    const file = targets.memoryFile(pid, fd);
    return file ? objects.fileNeed(file.key, pages) : 0;
  },
  grant({ fd, pages }, process, call, need, { targets, objects }) {
    const file = targets.memoryFile(process.pid, fd);
    // A call that adds no charge still gets a grant where it grows the file: it relies on the charge of another call, which may be
    // cancelled.
    if (!file || pages === 0 || (need === 0 && pages <= file.pages)) return undefined;
    const grant = new Grant(process, call, resize);
    objects.growFile(file.key, process.space, pages, grant);
    grant.cancel = () => objects.stopGrowing(file.key, need, grant);
    return grant;
  },
};
