import { Errno } from "../../base/errno.ts";

/** Where the fields of /proc/pid/stat stand, proc_pid_stat(5), counted from the one behind the name. */
export const STAT = {
  state: 0,
  ppid: 1,
  pgrp: 2,
  session: 3,
  tty: 4,
  minorFaults: 7,
  majorFaults: 9,
  userTicks: 11,
  systemTicks: 12,
  startTicks: 19,
  memoryBytes: 20,
  codeStart: 23,
  stackStart: 25,
  brkStart: 44,
  argumentsStart: 45,
  exitStatus: 49,
} as const;

/** The first `most` fields behind the name, as {@link STAT} counts them; the name may hold blanks and parentheses. */
export function statFields(text: string, most?: number): readonly string[] {
  return text.slice(text.lastIndexOf(")") + 2).split(" ", most);
}

/** The name in a line of /proc/pid/stat; one character a byte. */
export function statName(text: string): string {
  return text.slice(text.indexOf("(") + 1, text.lastIndexOf(")"));
}

/** The fields of /proc/pid/stat that this project uses, proc_pid_stat(5). Times are clock ticks. */
export interface StatText {
  /** One character a byte, as the kernel has it. */
  readonly comm: string;
  readonly state: string;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  /** The controlling terminal as a device number, 0 without one. */
  readonly tty: number;
  readonly userTicks: number;
  readonly systemTicks: number;
  readonly startTicks: number;
}

/** Parses the line; the name may hold blanks and parentheses, so the fields are counted from the last `)`. EPROTO. */
export function parseStat(text: string): StatText {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) throw new Errno("EPROTO", "stat line without a name");
  const fields = statFields(text, STAT.startTicks + 1);
  const startTicks = Number(fields[STAT.startTicks]);
  if (Number.isNaN(startTicks)) throw new Errno("EPROTO", "stat line too short");
  return {
    comm: text.slice(open + 1, close),
    state: fields[STAT.state]!,
    ppid: Number(fields[STAT.ppid]),
    pgrp: Number(fields[STAT.pgrp]),
    session: Number(fields[STAT.session]),
    tty: Number(fields[STAT.tty]),
    userTicks: Number(fields[STAT.userTicks]),
    systemTicks: Number(fields[STAT.systemTicks]),
    startTicks,
  };
}

/** The exit status of a zombie in the encoding of wait(2); 0 where the reader may not know it. */
export function exitStatusOf(text: string): number {
  return Number(statFields(text)[STAT.exitStatus] ?? 0);
}

/**
 * Where exec has put code, stack and arguments: tells a process's program from the one it executed before or after, but for the
 * same program executed again without address randomization. Zeros where it is not told, and of a zombie.
 */
export function imageOf(text: string): string {
  const fields = statFields(text);
  return [STAT.codeStart, STAT.stackStart, STAT.argumentsStart].map((at) => fields[at] ?? "0").join(" ");
}

/** The device number's two halves, proc_pid_stat(5): major in bits 8-19, minor in bits 0-7 and 20-31. */
export function ttyMajor(tty: number): number {
  return (tty >>> 8) & 0xfff;
}

export function ttyMinor(tty: number): number {
  return (tty & 0xff) | ((tty >>> 12) & 0xfff00);
}
