import { openText, type ProcFile } from "../file.ts";
import type { SignalSets } from "../inspection-port.ts";

/** `pending hup usr1` a line, by name; nothing behind the word where there is none. */
export function renderSignals(sets: SignalSets): string {
  return Object.entries(sets)
    .map(([name, signals]) => `${[name, ...signals].join(" ")}\n`)
    .join("");
}

export const sig: ProcFile = {
  name: "sig",
  kind: "file",
  slot: 29,
  mode: 0o444,
  doc: "signals by name, a line each: pending to the process, pending to the thread, blocked, ignored, caught",
  open: openText(({ process, tid, ports }) => renderSignals(ports.inspection.signals(process, tid))),
};
