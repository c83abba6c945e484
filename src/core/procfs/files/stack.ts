import { escapeOctal, latin1 } from "../../base/text.ts";
import type { Frame } from "../../symbols/unwind.ts";
import { mapOutcome } from "../../vfs/parked.ts";
import { openMade, type ProcFile } from "../file.ts";

const hex = (value: number): string => `0x${value.toString(16)}`;

/** `#0 0x401136 leaf+0x16 counter.c:12 (/path)`: what is not known is left out, but for the symbol, which is `??`. */
export function renderFrame(frame: Frame, number: number): string {
  const { pc, module, symbol, offset, file, line, isSignalFrame } = frame;
  const parts = [`#${number}`, hex(pc)];
  if (isSignalFrame) parts.push("<signal>");
  else parts.push(symbol === undefined ? "??" : `${escapeOctal(symbol)}+${hex(offset)}`);
  if (file !== undefined) parts.push(`${escapeOctal(file.slice(file.lastIndexOf("/") + 1))}:${line}`);
  if (module !== undefined) parts.push(`(${escapeOctal(module)})`);
  return `${parts.join(" ")}\n`;
}

export const stack: ProcFile = {
  name: "stack",
  kind: "file",
  slot: 16,
  mode: 0o400,
  doc: "the calls of the current thread that have not returned, a line each: number, address, symbol, source line, file",
  open: openMade(({ ports, process, tid, opener }) =>
    mapOutcome(ports.inspection.stack(process, opener, tid), (all) => latin1(all.map(renderFrame).join(""))),
  ),
};
