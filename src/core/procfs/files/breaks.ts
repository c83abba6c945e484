import { escapeOctal, latin1 } from "../../base/text.ts";
import type { Breakpoint } from "../breakpoints-port.ts";
import { openMade, type ProcFile } from "../file.ts";

/** `1 break 0x401136 hits 3`, and what else there is to say. */
export function renderBreakpoint(row: Breakpoint): string {
  const { number, kind, address, asked, hits, thread, condition, missing, watch } = row;
  const parts = [`${number} ${kind} 0x${address.toString(16)} hits ${hits}`];
  if (watch) parts.push(`${watch.access} ${watch.length}`);
  if (missing) parts.push("missing");
  if (thread !== undefined) parts.push(`thread ${thread}`);
  if (condition) parts.push(`if ${condition.register}==0x${condition.value.toString(16)}`);
  if (Number(asked) !== address) parts.push(`at ${escapeOctal(asked)}`);
  return `${parts.join(" ")}\n`;
}

export const breaks: ProcFile = {
  name: "breaks",
  kind: "file",
  slot: 30,
  mode: 0o400,
  doc: "the breakpoints and watchpoints, a line each: number, kind, address, how often it was hit",
  open: openMade(({ ports, process }) => latin1(ports.breakpoints.breakpoints(process).map(renderBreakpoint).join(""))),
};
