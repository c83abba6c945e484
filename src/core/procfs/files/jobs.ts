import { Errno } from "../../base/errno.ts";
import { parseSize } from "../../base/size.ts";
import { escapeOctal } from "../../base/text.ts";
import { mapOutcome } from "../../vfs/parked.ts";
import type { JobAccount } from "../accounts-port.ts";
import { orMinusOne, type RootFile, wordsOf } from "../file.ts";
import { lesserOf } from "../rights.ts";
import { openText } from "./accounts.ts";

function render({ id, name, pid, processes, reserved, limit, peak, refusals }: JobAccount): string {
  const called = name === undefined ? "-" : escapeOctal(name);
  return `${id} ${called} ${pid ?? -1} ${processes} ${reserved} ${orMinusOne(limit)} ${peak} ${refusals}\n`;
}

const openJobs = openText(
  (accounts) => accounts.jobs(),
  (rows) => rows.map(render).join(""),
);

export const jobs: RootFile = {
  name: "jobs",
  slot: 13,
  mode: 0o644,
  doc: "a line each tree of processes under accounting, in bytes: id name pid processes reserved limit peak refusals; takes `ID limit SIZE`",
  open: (context) => {
    const { opener, ports } = context;
    const { accounts, access } = ports;
    return mapOutcome(openJobs(context), (handle) => ({
      ...handle,
      repeats: () => true,
      write(caller, offset, data) {
        const [id = "", word, size = "", ...rest] = wordsOf(data, offset);
        if (!/^[1-9]\d{0,14}$/.test(id) || word !== "limit" || rest.length > 0)
          throw new Errno("EINVAL", "say: ID limit SIZE, as in 3 limit 2g, or infinity");
        const limit = parseSize(size, "infinity");
        const { length } = data;
        const by = lesserOf(opener, access.recorded(caller, false));
        return mapOutcome(accounts.setJobLimit(by, Number(id), limit), () => length);
      },
    }));
  },
};
