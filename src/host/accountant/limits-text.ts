import { limitIn } from "../../core/abi/text/limits.ts";
import type { Limit } from "../../core/procfs/accounts-port.ts";

/** /proc/pid/limits' names, and FreeBSD's where it has the same limit; else getrlimit(2)'s without its prefix. */
const NAMES: readonly (readonly [string, string])[] = [
  ["Max cpu time", "cpu"],
  ["Max file size", "fsize"],
  ["Max data size", "data"],
  ["Max stack size", "stack"],
  ["Max core file size", "core"],
  ["Max resident set", "rss"],
  ["Max locked memory", "memlock"],
  ["Max processes", "nproc"],
  ["Max open files", "nofile"],
  ["Max address space", "vmem"],
  ["Max file locks", "locks"],
  ["Max pending signals", "sigpending"],
  ["Max msgqueue size", "msgqueue"],
  ["Max nice priority", "nice"],
  ["Max realtime priority", "rtprio"],
  ["Max realtime timeout", "rttime"],
];

/** The limits in the units of getrlimit(2), in FreeBSD's order as far as it goes. */
export function parseLimits(text: string): Limit[] {
  return NAMES.flatMap(([label, name]) => {
    const found = limitIn(text, label);
    return found ? [{ name, ...found }] : [];
  });
}
