import { ERESTARTNOINTR } from "../../core/abi/restart.ts";
import { isErrno } from "../../core/base/errno.ts";
import type { TrappedCall } from "../../core/notify/notification.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import { Channel, type RequestKind } from "../repair/channel.ts";
import type { RepairEnds } from "../repair/repair-process.ts";
import { SeizedTable } from "../repair/seized-table.ts";
import { type AnswerGate, GATE_DEADLINE_MS, type GateLoop } from "./answer-gate.ts";
import type { Answer } from "./listener.ts";

/** The call is made again as soon as the thread has stopped: which it does, or its answer would reach the program. */
const REPEAT: Answer = { errno: ERESTARTNOINTR };

/** More than that, and some have had their time. */
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
  /** Answers to a process before this one may be under way. */
  #nextId: number = Math.floor(performance.timeOrigin) % 0x8000_0000;

  /** The loop that asks it. Before there is one nobody can be asked for. */
  on(loop: GateLoop): this {
    this.#loop = loop;
    return this;
  }

  /** There is a repairer, which knows of no process yet; `processes` are under accounting. The descriptors are the gate's from now on. */
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
    for (const { pid } of processes) this.look(pid);
  }

  /** A process that has come under accounting may have handlers already. */
  look(pid: number): void {
    this.#ask("look", pid, 0, 0);
  }

  /** A process need not be free for another tracer any longer. */
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
