/** A process of doctor's own: says which descriptor its listener will be, and makes it when told to. Ended by its parent. */
import { allowTracer, filterSelf, reserveDescriptor } from "./self-filter.ts";

const reserved = reserveDescriptor();
allowTracer(process.ppid);
process.stdin.once("data", () => filterSelf(reserved));
process.stdout.write(`${reserved}\n`);
