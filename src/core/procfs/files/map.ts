import { escapeOctal } from "../../base/text.ts";
import { mapOutcome } from "../../vfs/parked.ts";
import { formatMapLine, type MapLine } from "../../vm/map-line.ts";
import { mayDebug, openText, type ProcFile } from "../file.ts";

const render = (line: MapLine): string =>
  `${formatMapLine({ ...line, path: line.path === undefined ? undefined : escapeOctal(line.path) })}\n`;

export const map: ProcFile = {
  name: "map",
  kind: "file",
  slot: 9,
  mode: 0o444,
  doc: "the memory map, and which uid is charged for each part",
  open: (context) => {
    const { ports, process, opener } = context;
    if (!context.mode.resumed?.memo) mayDebug(context, opener);
    const text = openText(() => [...ports.accounts.map(process, opener)].map(render).join(""));
    return mapOutcome(ports.accounts.settle(), () => text(context));
  },
};
