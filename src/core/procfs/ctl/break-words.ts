import { Errno } from "../../base/errno.ts";
import type { CtlWord } from "./words.ts";

/** As gdb, nm and /proc write it. EINVAL. */
function addressOf(text: string): number {
  if (!/^0x[0-9a-fA-F]{1,13}$/.test(text)) throw new Errno("EINVAL", "say: break 0xADDRESS");
  return Number.parseInt(text.slice(2), 16);
}

/** Words about the places at which a process stops. */
export const BREAK_WORDS: readonly CtlWord[] = [
  {
    word: "break",
    doc: "stop every thread when one comes to that instruction",
    takes: "ADDRESS",
    modern: true,
    run: ({ ports: { breakpoints }, process, caller, args }) =>
      breakpoints.breakAt(process, caller, { address: addressOf(args), asked: args }),
  },
  {
    word: "clear",
    doc: "take away a breakpoint by its number, or all",
    takes: "N|all",
    modern: true,
    run: ({ ports: { breakpoints }, process, caller, args }) => {
      if (args !== "all" && !/^[1-9][0-9]{0,8}$/.test(args))
        throw new Errno("EINVAL", "say: clear NUMBER, or clear all");
      return breakpoints.clear(process, caller, args === "all" ? "all" : Number(args));
    },
  },
];
