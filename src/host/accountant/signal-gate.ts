import { ERESTARTNOINTR } from "../../core/abi/restart.ts";
import { isErrno } from "../../core/base/errno.ts";
import type { TrappedCall } from "../../core/trap/notification.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import { Channel, type RequestKind } from "../repair/channel.ts";
import type { RepairEnds } from "../repair/repair-setting.ts";
import { SeizedTable } from "../repair/seized-table.ts";
import { type AnswerGate, GATE_DEADLINE_MS, type GateLoop } from "./answer-gate.ts";
import type { Answer } from "./listener.ts";

/** The answer for a call that is to be made again: the thread has to stop before it returns, or the program would see this errno. */
const REPEAT: Answer = { errno: ERESTARTNOINTR };

/** When more answers than this are awaited, those past their deadline are forgotten. */
const MOST_WAITING = 128;

interface Link {
  readonly channel: Channel;
  readonly table: SeizedTable;
  readonly unwatch: () => void;
}

interface Waiting {
  readonly since: number;
  readonly open: (instead?: Answer) => void;
}

/**
 * Holds back a call that installs a handler until the repairer has seized its process, and one that lets a process be traced until
 * the repairer has let it go. Never waits: without a repairer, or when it does not answer in time, calls go on unrepaired.
 */
export class SignalGate implements AnswerGate {
  #loop: GateLoop | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #link: Link | undefined;
  /** Begins at a number of this process's own: answers to the daemon before this one may be under way. */
  #nextId: number = Math.floor(performance.timeOrigin) % 0x8000_0000;

  /** Sets the loop that asks this gate: to be called before {@link connect}. */
  on(loop: GateLoop): this {
    this.#loop = loop;
    return this;
  }

  /** A repairer has started, which knows no process yet; `processes` are the accounted ones. The gate owns the descriptors from now on. */
  connect({ channel: fd, table }: RepairEnds, processes: Iterable<{ readonly pid: number }>): void {
    this.#disconnect();
    if (!this.#loop) return;
    const channel = new Channel(fd);
    this.#link = {
      channel,
      table: new SeizedTable(table),
      unwatch: this.#loop.watch(fd, () => this.#answered(channel)),
    };
    libcClose(table);
    for (const { pid } of processes) this.inspect(pid);
  }

  /** A process that has come under accounting may have signal handlers already. */
  inspect(pid: number): void {
    this.#ask("inspect", pid, 0, 0);
  }

  /** A process that was released for another tracer may be seized again. */
  again(pid: number): void {
    this.#ask("again", pid, 0, 0);
  }

  concerns({ operation: { kind } }: TrappedCall): boolean {
    return this.#link !== undefined && (kind === "handler" || kind === "trace");
  }

  covers(
    { tid, operation }: TrappedCall,
    _answer: Answer,
    _process: unknown,
    open: (instead?: Answer) => void,
  ): boolean {
    if (!this.#link) return true;
    let id: number | undefined;
    if (operation.kind === "handler") {
      if (this.#link.table.has(tid)) return true;
      id = this.#ask("handler", tid, operation.action, operation.word);
    } else if (operation.kind === "trace") {
      id =
        operation.target === 0
          ? this.#ask("releaseCaller", tid, 0, 0)
          : this.#ask("releaseFor", operation.target, tid, 0);
    }
    if (id === undefined) return true;
    this.#waiting.set(id, { since: performance.now(), open });
    if (this.#waiting.size > MOST_WAITING) this.#forgetLate();
    return false;
  }

  #ask(kind: RequestKind, tid: number, address: number, word: number): number | undefined {
    const id = this.#nextId++ >>> 0;
    return this.#link?.channel.ask({ kind, id, tid, address, word }) ? id : undefined;
  }

  #answered(channel: Channel): void {
    try {
      for (let answer = channel.nextAnswer(); answer; answer = channel.nextAnswer()) {
        const waiting = this.#waiting.get(answer.id);
        if (!waiting) continue;
        this.#waiting.delete(answer.id);
        if (performance.now() - waiting.since < GATE_DEADLINE_MS) waiting.open(answer.repeat ? REPEAT : undefined);
      }
    } catch (error) {
      if (!isErrno(error, "EPIPE")) throw error;
      this.#disconnect();
    }
  }

  #forgetLate(): void {
    const now = performance.now();
    for (const [id, { since }] of this.#waiting) if (now - since >= GATE_DEADLINE_MS) this.#waiting.delete(id);
  }

  #disconnect(): void {
    if (!this.#link) return;
    const { channel, table, unwatch } = this.#link;
    this.#link = undefined;
    unwatch();
    channel.close();
    table.close();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { open } of waiting) open();
  }

  ended(): void {}

  close(): void {
    this.#waiting.clear();
    this.#disconnect();
  }
}
