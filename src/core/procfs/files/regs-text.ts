import { Errno } from "../../base/errno.ts";
import { fromLatin1, latin1 } from "../../base/text.ts";
import type { Caller } from "../../vfs/caller.ts";
import { chainOutcome, mapOutcome } from "../../vfs/parked.ts";
import { perform, type Steps, step } from "../../vfs/steps.ts";
import { isResumed, mayDebug, type OpenContext, openBytes, type ProcFile } from "../file.ts";

/** One register and its value, 64 bits. */
interface Setting {
  readonly index: number;
  readonly value: bigint;
}

/** `name 0x...` a line, in the kernel's order. */
export function renderRegisters(names: readonly string[], bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return names.map((name, i) => `${name} 0x${view.getBigUint64(8 * i, true).toString(16)}\n`).join("");
}

/** Lines of `name value`, hexadecimal behind 0x, else decimal, which may be negative. EINVAL. */
export function parseRegisters(names: readonly string[], text: string): Setting[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [name = "", value = "", ...rest] = line.trim().split(/\s+/);
      const index = names.indexOf(name);
      if (index < 0) throw new Errno("EINVAL", `no register is called ${name}; regs.txt lists them`);
      if (rest.length > 0 || !/^(0x[0-9a-f]{1,16}|-?[0-9]{1,20})$/i.test(value))
        throw new Errno("EINVAL", `say: ${name} VALUE, hexadecimal behind 0x or decimal`);
      const number = BigInt(value);
      if (number >= 2n ** 64n || number < -(2n ** 63n)) throw new Errno("EINVAL", `${value} has more than 64 bits`);
      return { index, value: BigInt.asUintN(64, number) };
    });
}

/** Several lines are one change only as far as the thread is stopped: a running one goes on between two of them. */
function* writeAll(
  { process, tid, opener, ports }: OpenContext,
  caller: Caller,
  settings: readonly Setting[],
): Steps<void> {
  for (const { index, value } of settings) {
    const data = new Uint8Array(8);
    new DataView(data.buffer).setBigUint64(0, value, true);
    yield* step(ports.tracer.writeRegisters(process, [caller, opener], { offset: 8 * index, data, tid }));
  }
}

export const regsText: ProcFile = {
  name: "regs.txt",
  kind: "file",
  slot: 17,
  mode: 0o600,
  doc: "the general registers as text, `name value` a line; takes such lines",
  open: (context) => {
    const { ports, process, tid, opener, mode } = context;
    const { registerNames } = ports.inspection;
    const write = {
      repeats: () => true,
      write(caller: Caller, offset: number, data: Uint8Array) {
        if (offset !== 0) throw new Errno("EINVAL", `registers are written at offset 0, not ${offset}`);
        const settings = parseRegisters(registerNames, fromLatin1(data));
        const { length } = data;
        const written = chainOutcome(mayDebug(context, caller), (actor) => perform(writeAll(context, actor, settings)));
        return mapOutcome(written, () => length);
      },
    };
    if (isResumed(context)) return { ...openBytes(context, new Uint8Array()), ...write };
    const allowed = mayDebug(context, opener);
    if (!mode.read) return mapOutcome(allowed, () => write);
    const registers = chainOutcome(allowed, () => ports.tracer.readRegisters(process, [opener], { tid }));
    return mapOutcome(registers, (bytes) => ({
      ...openBytes(context, latin1(renderRegisters(registerNames, bytes))),
      ...write,
    }));
  },
};
