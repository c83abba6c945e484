import { Errno } from "../../base/errno.ts";

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
  const fields = text.slice(close + 2).split(" ", 20);
  const startTicks = Number(fields[19]);
  if (Number.isNaN(startTicks)) throw new Errno("EPROTO", "stat line too short");
  return {
    comm: text.slice(open + 1, close),
    state: fields[0]!,
    ppid: Number(fields[1]),
    pgrp: Number(fields[2]),
    session: Number(fields[3]),
    tty: Number(fields[4]),
    userTicks: Number(fields[11]),
    systemTicks: Number(fields[12]),
    startTicks,
  };
}

/** Counted after the name: exit_code. */
const EXIT_STATUS = 49;

/** What a process that has exited tells its parent, as wait(2) has it; 0 to who may not know. */
export function exitStatusOf(text: string): number {
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[EXIT_STATUS] ?? 0);
}

/** Fields counted after the name: startcode, startstack, arg_start. */
const IMAGE_FIELDS = [23, 25, 45] as const;

/**
 * Where exec has put code, stack and arguments: tells a process's program from the one it executed before or after, but for the
 * same program executed again without address randomization. Zeros where it is not told, and of a zombie.
 */
export function imageOf(text: string): string {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return IMAGE_FIELDS.map((at) => fields[at] ?? "0").join(" ");
}

/** The device number's two halves, proc_pid_stat(5): major in bits 8-19, minor in bits 0-7 and 20-31. */
export function ttyMajor(tty: number): number {
  return (tty >>> 8) & 0xfff;
}

export function ttyMinor(tty: number): number {
  return (tty & 0xff) | ((tty >>> 12) & 0xfff00);
}
