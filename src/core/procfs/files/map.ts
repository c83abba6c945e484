import { escapeOctal } from "../../base/text.ts";
import { chainOutcome, mapOutcome } from "../../vfs/parked.ts";
import { formatMapLine, type MapLine } from "../../vm/map-line.ts";
import { isResumed, mayDebug, type ProcFile, textHandle } from "../file.ts";

/** A line of the file, ended by a newline. */
export function renderMapLine(line: MapLine): string {
  return `${formatMapLine({ ...line, path: line.path === undefined ? undefined : escapeOctal(line.path) })}\n`;
}

export const map: ProcFile = {
  name: "map",
  kind: "file",
  slot: 9,
  mode: 0o444,
  doc: "the memory map, and which uid is charged for each part",
  open: (context) => {
    if (isResumed(context)) return textHandle(context, "");
    const { ports, process, opener } = context;
    const settled = chainOutcome(mayDebug(context, opener), () => ports.accounts.settle());
    const text = chainOutcome(settled, () => ports.accounts.map(process, opener));
    // The text may have been read for another who shares it, and the process has changed its user since.
    return chainOutcome(text, (bytes) => mapOutcome(mayDebug(context, opener), () => textHandle(context, bytes)));
  },
};
