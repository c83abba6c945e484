import { escapeOctal } from "../../base/text.ts";
import type { Handle } from "../../vfs/node.ts";
import { perform, type Steps, step } from "../../vfs/steps.ts";
import { formatMapLine, type MapLine } from "../../vm/map-line.ts";
import { mayDebug, type OpenContext, type ProcFile, textHandle } from "../file.ts";

const render = (line: MapLine): string =>
  `${formatMapLine({ ...line, path: line.path === undefined ? undefined : escapeOctal(line.path) })}\n`;

export const map: ProcFile = {
  name: "map",
  kind: "file",
  slot: 9,
  mode: 0o444,
  doc: "the memory map, and which uid is charged for each part",
  open: (context) => {
    if (!context.mode.resumed?.memo) mayDebug(context, context.opener);
    return perform(openMap(context));
  },
};

function* openMap(context: OpenContext): Steps<Handle> {
  const { mode, ports, process, opener } = context;
  // What it was opened with under a server before this one stays.
  if (mode.resumed?.memo) return textHandle(context, () => "");
  yield* step(ports.accounts.settle());
  const lines = yield* step(ports.accounts.map(process, opener));
  return textHandle(context, () => [...lines].map(render).join(""));
}
