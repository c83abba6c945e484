import { hexOfText, toHex } from "./hex.ts";

/** What a client is told of a stop. Values are as they are sent. */
export interface StopReply {
  /** As the client numbers it. */
  readonly signal: number;
  /** `swbreak`, `watch`, `exec`, … with their values, in order. */
  readonly reasons: readonly (readonly [name: string, value: string])[];
  readonly thread: string;
  /** Registers that are wanted at once, by number. */
  readonly registers: readonly (readonly [number: number, value: Uint8Array])[];
}

const byte = (value: number): string => (value & 0xff).toString(16).padStart(2, "0");

export function formatStop({ signal, reasons, thread, registers }: StopReply): string {
  let text = `T${byte(signal)}`;
  for (const [name, value] of reasons) text += `${name}:${value};`;
  for (const [number, value] of registers) text += `${byte(number)}:${toHex(value)};`;
  return `${text}thread:${thread};`;
}

/** The process is no more. `withPid`: the client understands processes. */
export function formatEnd(
  end: { readonly kind: "exited" | "killed"; readonly value: number },
  pid: number,
  withPid: boolean,
): string {
  const text = `${end.kind === "exited" ? "W" : "X"}${byte(end.value)}`;
  return withPid ? `${text};process:${pid.toString(16)}` : text;
}

/** The answer to a request that has failed; `words`: the client understands what stands behind the number. */
export function formatError(errno: number, reason: string, words: boolean): string {
  return words ? `E${byte(errno)};${hexOfText(reason)}` : `E${byte(errno)}`;
}
