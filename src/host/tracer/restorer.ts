import { type ChildProcess, spawn } from "node:child_process";
import { Errno } from "../../core/base/errno.ts";
import type { Patch } from "../../core/trace/code-port.ts";
import { check } from "../linux/ffi/call.ts";
import { libcClose, libcFtruncate, libcMemfdCreate, libcPwrite } from "../linux/ffi/libc.ts";

const MFD_CLOEXEC = 1;
const MEMORY = 3;
const TABLE = 4;
const IN = 1;
const OUT = 0;

/**
 * A program for sh(1), which takes a hundredth of the memory of Node: `read` returns when the server has ended, or has no use for it.
 * The table says first whether breakpoints are in memory; if so, each line is an address, the bytes that belong there as printf(1)
 * takes them, and how many. A write that fails has not moved the descriptor.
 */
const SCRIPT = `
{ printf lyonnais-unset >/proc/$$/comm; } 2>/dev/null
read -r nothing
read -r in <&${TABLE}
if [ "$in" != ${IN} ]; then exit; fi
at=0
while read -r address bytes count <&${TABLE}; do
  if printf "$bytes" | dd bs=$count count=1 seek=$(((address - at) / count)) conv=notrunc >&${MEMORY} 2>/dev/null
  then at=$((address + count)); else at=$address; fi
done
`;

const octal = (byte: number): string => `\\${byte.toString(8).padStart(3, "0")}`;

/**
 * A process that takes the breakpoints out of the memory of another one when the server has been killed: its descriptor of that
 * memory is bound to the program that runs there now. It is told by a memory file, which costs nobody a wake-up.
 */
export class Restorer {
  readonly #child: ChildProcess;
  readonly #table: number;
  #known: readonly Patch[] = [];

  /** Takes `memory`, a descriptor of /proc/PID/mem. EAGAIN where no process can be started, ESRCH for none (-1). */
  constructor(memory: number) {
    if (memory < 0) throw new Errno("ESRCH", "the process has no memory any more");
    try {
      this.#table = check(libcMemfdCreate("lyonnais-breakpoints", MFD_CLOEXEC), "table of breakpoints");
      this.#say(OUT);
      const stdio = ["pipe", "ignore", "ignore", memory, this.#table] as const;
      // In a session of its own: what ends the server's whole group is what it is there for.
      this.#child = spawn("/bin/sh", ["-c", SCRIPT], {
        cwd: "/",
        detached: true,
        env: { PATH: "/usr/bin:/bin" },
        stdio: [...stdio],
      });
    } finally {
      libcClose(memory);
    }
    // Told at once by the missing pid; the event comes later, and unheard would be the server's end.
    this.#child.on("error", () => {});
    if (this.#child.pid === undefined) {
      libcClose(this.#table);
      throw new Errno("EAGAIN", "no process can be started that would take breakpoints out if the server were killed");
    }
    this.#child.stdin?.on("error", () => {});
    this.#child.unref();
    (this.#child.stdin as unknown as { unref(): void }).unref();
  }

  /** Before the first of them is put in. */
  planting(patches: readonly Patch[]): void {
    if (!this.#knows(patches)) this.#write(patches);
    this.#say(IN);
  }

  #knows(patches: readonly Patch[]): boolean {
    const known = this.#known;
    return (
      known.length === patches.length &&
      patches.every(({ address, original }, i) => {
        const other = known[i]!;
        return other.address === address && original.every((byte, at) => byte === other.original[at]);
      })
    );
  }

  #write(patches: readonly Patch[]): void {
    this.#known = patches.map((patch) => ({ ...patch, original: patch.original.slice() }));
    const lines = [...patches]
      .sort((a, b) => a.address - b.address)
      .map(({ address, original }) => `${address} ${[...original].map(octal).join("")} ${original.length}\n`);
    const bytes = Buffer.from(`${OUT}\n${lines.join("")}`, "latin1");
    check(libcFtruncate(this.#table, bytes.length), "table of breakpoints");
    check(libcPwrite(this.#table, bytes, bytes.length, 0), "table of breakpoints");
  }

  /** After the last of them was taken out. */
  restored(): void {
    this.#say(OUT);
  }

  #say(where: number): void {
    check(libcPwrite(this.#table, Buffer.from(`${where}`, "latin1"), 1, 0), "table of breakpoints");
  }

  /** There are none any more, and will be none. */
  close(): void {
    this.#say(OUT);
    libcClose(this.#table);
    this.#child.stdin?.destroy();
  }
}
