import { Errno } from "../../src/core/base/errno.ts";
import { latin1 } from "../../src/core/base/text.ts";
import type { Inspection } from "../../src/core/procfs/inspection-port.ts";

/** What a machine on paper says of its process: one frame with every field, one with none. */
export function paperInspection(): Inspection {
  return {
    registers: {
      general: Array.from({ length: 27 }, (_, i) => ({ name: `r${i}`, at: 8 * i, size: 8 })),
      floating: [
        { name: "control", at: 0, size: 2 },
        { name: "v0", at: 16, size: 16 },
      ],
      debug: [],
    },
    signals: () => ({ pending: [], "thread-pending": ["usr1"], blocked: ["hup", "int"], ignored: [], caught: [] }),
    stack: () => [
      {
        pc: 0x401136,
        module: "/bin/a b",
        symbol: "leaf",
        offset: 0x16,
        file: "src/counter.c",
        line: 12,
        isSignalFrame: false,
      },
      {
        pc: 0x7f0000001000,
        module: undefined,
        symbol: undefined,
        offset: 0,
        file: undefined,
        line: undefined,
        isSignalFrame: true,
        sp: 0x7fff1000,
      },
    ],
    thread: () => ({
      comm: "a b",
      state: "S",
      user: { sec: 1, usec: 500000 },
      system: { sec: 0, usec: 20000 },
      waitChannel: "futex",
    }),
    find: (_process, _caller, place) => {
      if ("file" in place) return { address: 0x402000 + place.line, size: 0 };
      if (place.symbol === "missing") throw new Errno("ENOENT", "the program does not know it");
      return { address: 0x401130 + place.offset, size: 16 };
    },
    bytes: (_process, _caller, which) => latin1(`${which}\0`),
    directory: (_process, _caller, which) => `/of/${which}`,
  };
}
