import { Errno } from "../base/errno.ts";

/** asm-generic/signal.h, which x86-64 and arm64 share: numbers by name, lower case and without SIG. */
const SIGNALS: Readonly<Record<string, number>> = {
  hup: 1,
  int: 2,
  quit: 3,
  ill: 4,
  trap: 5,
  abrt: 6,
  iot: 6,
  bus: 7,
  fpe: 8,
  kill: 9,
  usr1: 10,
  segv: 11,
  usr2: 12,
  pipe: 13,
  alrm: 14,
  term: 15,
  stkflt: 16,
  chld: 17,
  cont: 18,
  stop: 19,
  tstp: 20,
  ttin: 21,
  ttou: 22,
  urg: 23,
  xcpu: 24,
  xfsz: 25,
  vtalrm: 26,
  prof: 27,
  winch: 28,
  io: 29,
  pwr: 30,
  sys: 31,
};

export const SIGINT = 2;
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGBUS = 7;
export const SIGSEGV = 11;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGSYS = 31;
export const SIGFPE = 8;
export const SIGCHLD = 17;
export const SIGURG = 23;
export const SIGWINCH = 28;
/** The first real-time signal, as the kernel counts them. */
const SIGRTMIN = 32;

/** Raised by what a thread does itself: none comes while it waits in a call. */
export const SYNCHRONOUS_SIGNALS: readonly number[] = [SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV];
/** Without a handler nothing comes of them. */
export const IGNORED_BY_DEFAULT: readonly number[] = [SIGCHLD, SIGCONT, SIGURG, SIGWINCH];

/** struct sigaction of the kernel: the handler is its first word, the flags its second. */
export const SIG_DFL = 0;
export const SIG_IGN = 1;
export const SA_RESTART = 0x1000_0000;

/** Whether `signal` is in a mask as /proc shows it, in hexadecimal. */
export const maskHas = (mask: bigint, signal: number): boolean => ((mask >> BigInt(signal - 1)) & 1n) === 1n;

/** siginfo_t: where its si_code is. One above 0 means that the kernel itself raised the signal. */
export const SIGINFO_SIZE = 128;
export const SIGINFO_CODE = 8;
/** si_code of a SIGTRAP: on x86 that of a breakpoint instruction is the first. */
export const SI_KERNEL = 0x80;
export const TRAP_BRKPT = 1;
/** In its union: who sent it, of one that was sent; the address, of one that an instruction raised. */
export const SIGINFO_PID = 16;
export const SIGINFO_UID = 20;
export const SIGINFO_ADDRESS = 16;

const NAMES = new Map<number, string>();
for (const [name, number] of Object.entries(SIGNALS)) if (!NAMES.has(number)) NAMES.set(number, name);

/** The name of a signal, lower case and without SIG; `rt3` for the third behind the first real-time one. */
export function signalName(number: number): string {
  return NAMES.get(number) ?? `rt${number - SIGRTMIN}`;
}

/** The host's number for a signal name. EOPNOTSUPP for one it does not have. */
export function signalNumber(name: string): number {
  const number = Object.hasOwn(SIGNALS, name) ? SIGNALS[name] : undefined;
  if (number === undefined) throw new Errno("EOPNOTSUPP", `no signal ${name} on this host`);
  return number;
}

/** As {@link signalNumber}, and of real-time signals `rt0` to `rt32`. EOPNOTSUPP. */
export function anySignalNumber(name: string): number {
  const [, real] = /^rt([0-9]|[12][0-9]|3[0-2])$/.exec(name) ?? [];
  return real === undefined ? signalNumber(name) : SIGRTMIN + Number(real);
}

/** All there are, SIGKILL too. */
export const ALL_SIGNALS: readonly number[] = Array.from({ length: 64 }, (_, i) => i + 1);
