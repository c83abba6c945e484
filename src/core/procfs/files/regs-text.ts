import { Errno } from "../../base/errno.ts";
import { fromLatin1, latin1 } from "../../base/text.ts";
import type { Caller } from "../../vfs/caller.ts";
import type { Handle } from "../../vfs/node.ts";
import { chainOutcome, mapOutcome, type Outcome } from "../../vfs/parked.ts";
import { perform, type Steps, step } from "../../vfs/steps.ts";
import { isResumed, mayDebug, type OpenContext, openBytes, type ProcFile, refuseLong } from "../file.ts";
import type { RegisterField } from "../inspection-port.ts";
import type { RegisterSet } from "../ports.ts";

/** Bytes of one write: every register several times. */
const LONGEST_TEXT = 16 * 1024;

/** What is written where in a register set. */
interface Setting {
  readonly offset: number;
  readonly data: Uint8Array;
}

/** `name 0x...` a line, in the kernel's order. */
export function renderRegisters(fields: readonly RegisterField[], bytes: Uint8Array): string {
  return fields.map(({ name, at, size }) => `${name} 0x${hexOf(bytes.subarray(at, at + size))}\n`).join("");
}

/** A little-endian number in hexadecimal digits, without leading zeros. */
function hexOf(bytes: Uint8Array): string {
  let digits = "";
  for (const byte of bytes) digits = byte.toString(16).padStart(2, "0") + digits;
  return digits.replace(/^0+(?=.)/, "");
}

function bytesOf(value: bigint, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

/** Lines of `name value`, hexadecimal behind 0x, else decimal, which may be negative. `file` lists the names. EINVAL. */
export function parseRegisters(fields: readonly RegisterField[], text: string, file: string): Setting[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [name = "", value = "", ...rest] = line.trim().split(/\s+/);
      const field = fields.find((candidate) => candidate.name === name);
      if (!field) throw new Errno("EINVAL", `no register is called ${name}; ${file} lists them`);
      if (rest.length > 0 || !/^(0x[0-9a-f]{1,40}|-?[0-9]{1,40})$/i.test(value))
        throw new Errno("EINVAL", `say: ${name} VALUE, hexadecimal behind 0x or decimal`);
      const number = BigInt(value);
      const bits = 8 * field.size;
      if (number >= 2n ** BigInt(bits) || number < -(2n ** BigInt(bits - 1)))
        throw new Errno("EINVAL", `${value} has more than ${bits} bits`);
      return { offset: field.at, data: bytesOf(BigInt.asUintN(bits, number), field.size) };
    });
}

/** Several lines are one change only as far as the thread is stopped: a running one goes on between two of them. */
function* writeAll(context: OpenContext, set: RegisterSet, caller: Caller, settings: readonly Setting[]): Steps<void> {
  const { process, tid, opener, ports } = context;
  for (const setting of settings)
    yield* step(ports.tracer.writeRegisters(process, [caller, opener], { set, tid, ...setting }));
}

function openText(context: OpenContext, set: RegisterSet, file: string): Outcome<Handle> {
  const { ports, process, tid, opener, mode } = context;
  const fields = ports.inspection.registers[set];
  const write = {
    repeats: () => true,
    write(caller: Caller, offset: number, data: Uint8Array) {
      if (offset !== 0) throw new Errno("EINVAL", `registers are written at offset 0, not ${offset}`);
      refuseLong(data, LONGEST_TEXT);
      const settings = parseRegisters(fields, fromLatin1(data), file);
      const { length } = data;
      const allowed = mayDebug(context, caller);
      const written = chainOutcome(allowed, (actor) => perform(writeAll(context, set, actor, settings)));
      return mapOutcome(written, () => length);
    },
  };
  if (isResumed(context)) return { ...openBytes(context, new Uint8Array()), ...write };
  const allowed = mayDebug(context, opener);
  if (!mode.read) return mapOutcome(allowed, () => write);
  const registers = chainOutcome(allowed, () => ports.tracer.readRegisters(process, [opener], { set, tid }));
  return mapOutcome(registers, (bytes) => ({
    ...openBytes(context, latin1(renderRegisters(fields, bytes))),
    ...write,
  }));
}

function registersText(name: string, slot: number, set: RegisterSet, doc: string): ProcFile {
  return { name, kind: "file", slot, mode: 0o600, doc, open: (context) => openText(context, set, name) };
}

export const regsText: ProcFile = registersText(
  "regs.txt",
  17,
  "general",
  "the general registers as text, `name value` a line; takes such lines",
);

export const fpregsText: ProcFile = registersText(
  "fpregs.txt",
  28,
  "floating",
  "the floating-point registers as text, `name value` a line; takes such lines",
);
