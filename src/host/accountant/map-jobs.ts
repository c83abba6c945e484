/** Maps that people read are made on threads of their own, which have a lower priority than the others of this process. */
import { latin1 } from "../../core/base/text.ts";
import { renderMapLine } from "../../core/procfs/files/map.ts";
import { beyond, QUOTAS } from "../../core/procfs/quotas.ts";
import { actAs } from "../linux/acting.ts";
import type { Asked } from "../linux/elsewhere/jobs.ts";
import type { JobKit } from "../linux/elsewhere/kit.ts";
import { residentWithin } from "../linux/pagemap.ts";
import { readSmaps } from "../linux/read-smaps.ts";
import { linesOf } from "./paid-lines.ts";
import type { Payment } from "./requests.ts";

export interface MapJobs {
  /**
   * The text of the file `map`. EPERM, EACCES where the role may not see it; ENOENT, ESRCH; EMFILE where it, or the kernel's text that it
   * is made of, has more bytes than one user may hold.
   */
  mapText(job: Asked & { readonly payment: Payment }): Uint8Array;
}

export const MAP_JOBS: MapJobs = {
  mapText({ pid, role, payment }) {
    const entries = actAs(role, () => readSmaps(pid, { room: QUOTAS.openBytes }));
    let text = "";
    for (const line of linesOf(entries, payment, (start, end) => residentWithin(pid, start, end))) {
      text += renderMapLine(line);
      if (text.length > QUOTAS.openBytes.most) throw beyond(QUOTAS.openBytes);
    }
    return latin1(text);
  },
};

/** How many maps are made at a time, one for each process: a map with many thousand VMAs takes long. */
const AT_ONCE = 2;

export const MAP_KIT: JobKit<MapJobs> = {
  jobs: MAP_JOBS,
  lockOf: { mapText: "mmap_lock" },
  program: new URL("./map-thread.js", import.meta.url),
  atOnce: AT_ONCE,
};
