import { Errno } from "../../base/errno.ts";
import type { FoundPlace } from "../../symbols/find-place.ts";
import type { Outcome } from "../../vfs/parked.ts";
import type { WordContext } from "./words.ts";

/** As gdb, nm and /proc write it. */
const ADDRESS = /^0x[0-9a-fA-F]{1,13}$/;
const LINE = /^(.+):([1-9][0-9]{0,8})$/;
const SYMBOL = /^([^+]+)(?:\+(0x[0-9a-fA-F]{1,8}|[0-9]{1,9}))?$/;

/** A place in memory: `0x401136`, `leaf`, `leaf+4`, `counter.c:12`. EINVAL for what is none, ENOENT for what is not there. */
export function findPlace({ ports, process, caller }: WordContext, text: string): Outcome<FoundPlace> {
  if (ADDRESS.test(text)) return { address: Number(text), size: 0 };
  const line = LINE.exec(text);
  if (line) return ports.inspection.find(process, caller, { file: line[1]!, line: Number(line[2]) });
  const symbol = SYMBOL.exec(text);
  if (!symbol || /^[0-9]/.test(text))
    throw new Errno("EINVAL", `${JSON.stringify(text)} is no 0xADDRESS, SYMBOL[+N] or FILE:LINE`);
  return ports.inspection.find(process, caller, { symbol: symbol[1]!, offset: Number(symbol[2] ?? 0) });
}
