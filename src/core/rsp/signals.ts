import { signalName, signalNumber } from "../abi/signal.ts";

/**
 * gdb's own numbers of signals, gdb/include/signals.def, by name; those of the host are known to lldb. Those up to TERM that are not
 * here are the same.
 */
const GDB_SIGNALS: Readonly<Record<string, number>> = {
  hup: 1,
  int: 2,
  quit: 3,
  ill: 4,
  trap: 5,
  abrt: 6,
  fpe: 8,
  kill: 9,
  bus: 10,
  segv: 11,
  sys: 12,
  pipe: 13,
  alrm: 14,
  term: 15,
  urg: 16,
  stop: 17,
  tstp: 18,
  cont: 19,
  chld: 20,
  ttin: 21,
  ttou: 22,
  io: 23,
  xcpu: 24,
  xfsz: 25,
  vtalrm: 26,
  prof: 27,
  winch: 28,
  usr1: 30,
  usr2: 31,
  pwr: 32,
};

/** Real-time signals 33 to 63 follow each other; 32 and 64 stand apart. */
const GDB_REALTIME_33 = 45;
const GDB_REALTIME_32 = 77;
const GDB_REALTIME_64 = 78;
const GDB_UNKNOWN = 143;

const BY_NUMBER: ReadonlyMap<number, string> = new Map(Object.entries(GDB_SIGNALS).map(([name, n]) => [n, name]));

/** gdb's number of a signal of the host; 0, which is none, is 0. */
export function toGdbSignal(signal: number): number {
  if (signal === 0) return 0;
  if (signal === 32) return GDB_REALTIME_32;
  if (signal === 64) return GDB_REALTIME_64;
  if (signal > 32) return GDB_REALTIME_33 + signal - 33;
  return GDB_SIGNALS[signalName(signal)] ?? GDB_UNKNOWN;
}

/** The host's number of a signal of gdb's; undefined for one that the host does not have. */
export function fromGdbSignal(number: number): number | undefined {
  if (number === 0) return 0;
  const name = BY_NUMBER.get(number);
  if (name !== undefined) return signalNumber(name);
  if (number === GDB_REALTIME_32) return 32;
  if (number === GDB_REALTIME_64) return 64;
  return number >= GDB_REALTIME_33 && number < GDB_REALTIME_32 ? number - GDB_REALTIME_33 + 33 : undefined;
}
