import { Errno } from "../../core/base/errno.ts";
import {
  type DebuggerRegister,
  keptValue,
  type RegisterSets,
  registersOf,
  registerValue,
  type SetName,
} from "../../core/rsp/layout.ts";
import type { KnownProcessor } from "../../core/rsp/layouts.ts";
import type { ProcessFiles } from "./process-files.ts";

const FILE: Readonly<Record<SetName, string>> = { general: "regs", floating: "fpregs" };

/** The registers of the threads of a stopped process: each set is read once while it stands. */
export class ThreadRegisters {
  readonly #files: ProcessFiles;
  readonly #sizes: Readonly<Record<SetName, number>>;
  readonly #registers: readonly DebuggerRegister[];
  readonly #read = new Map<string, Promise<Uint8Array>>();

  constructor(files: ProcessFiles, { arch, layout }: KnownProcessor) {
    this.#files = files;
    this.#sizes = { general: arch.registerSize, floating: arch.floating.size };
    this.#registers = registersOf(layout);
  }

  /** It has run since. */
  forget(): void {
    this.#read.clear();
  }

  /** By number. EINVAL. */
  find(number: number): DebuggerRegister {
    const register = this.#registers[number];
    if (!register) throw new Errno("EINVAL", `there is no register ${number}`);
    return register;
  }

  numberOf(name: string): number {
    return this.#registers.findIndex((register) => register.name === name);
  }

  async value(tid: number, register: DebuggerRegister): Promise<Uint8Array> {
    const none = new Uint8Array(0);
    // The tags of the x87 are told from its registers.
    const set = await this.#set(tid, register.set);
    const sets: RegisterSets = { general: none, floating: none, [register.set]: set };
    return registerValue(register, sets);
  }

  /** All of them, one behind the other. */
  async all(tid: number): Promise<readonly Uint8Array[]> {
    const [general, floating] = await Promise.all([this.#set(tid, "general"), this.#set(tid, "floating")]);
    return this.#registers.map((register) => registerValue(register, { general, floating }));
  }

  async write(tid: number, register: DebuggerRegister, value: Uint8Array): Promise<void> {
    if (value.length * 8 !== register.bits)
      throw new Errno("EINVAL", `${register.name} has ${register.bits} bits, not ${value.length * 8}`);
    await this.#files.write(this.#path(tid, register.set), register.at, keptValue(register, value));
    this.#read.delete(this.#path(tid, register.set));
  }

  /** `data` has all of them, or the first ones. */
  async writeAll(tid: number, data: Uint8Array): Promise<void> {
    let at = 0;
    const before: RegisterSets = {
      general: await this.#set(tid, "general"),
      floating: await this.#set(tid, "floating"),
    };
    const changed: RegisterSets = { general: before.general.slice(), floating: before.floating.slice() };
    for (const register of this.#registers) {
      const value = data.subarray(at, at + register.bits / 8);
      at += register.bits / 8;
      if (value.length * 8 === register.bits) changed[register.set].set(keptValue(register, value), register.at);
    }
    for (const set of ["general", "floating"] as const) {
      if (changed[set].every((byte, i) => byte === before[set][i])) continue;
      const path = this.#path(tid, set);
      this.#read.delete(path);
      await this.#files.write(path, 0, changed[set]);
    }
  }

  #path(tid: number, set: SetName): string {
    return `lwp/${tid}/${FILE[set]}`;
  }

  #set(tid: number, set: SetName): Promise<Uint8Array> {
    const path = this.#path(tid, set);
    let read = this.#read.get(path);
    if (!read) {
      read = this.#files.read(path, 0, this.#sizes[set]);
      this.#read.set(path, read);
      read.catch(() => this.#read.delete(path));
    }
    return read;
  }
}
