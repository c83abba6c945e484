import type { AccountedProcess } from "../../core/space/process.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import { type AnswerGate, GATE_DEADLINE_MS, type GateLoop, type MakeGate } from "./answer-gate.ts";
import type { Answer } from "./listener.ts";
import type { OpenCall } from "./open-call.ts";

/** Gives an answer to a call. */
type Give = (open: OpenCall, answer: Answer) => void;

interface Held {
  readonly open: OpenCall;
  answer: Answer;
  /** When it is given whatever the gate says: milliseconds of performance.now(). */
  until: number;
}

/** Answers that are given later than they are decided: because the gate holds them back, or because refusals are paced. */
export class HeldAnswers {
  readonly #gate: AnswerGate;
  readonly #give: Give;
  readonly #failed: (error: unknown, what: string) => void;
  readonly #alarm: Alarm;
  #held: Held[] = [];

  constructor(
    make: MakeGate,
    loop: GateLoop,
    alarms: Alarms,
    give: Give,
    failed: (error: unknown, what: string) => void,
  ) {
    this.#give = give;
    this.#failed = failed;
    this.#alarm = alarms.make(() => this.#giveOpened());
    this.#gate = make(loop);
  }

  /** Gives the answer now, or when the gate opens. `processOf` tells the process of a thread. */
  pass(open: OpenCall, answer: Answer, processOf: (tid: number) => AccountedProcess | undefined): void {
    if (this.#gate.concerns(open.call)) this.#ask(open, answer, processOf);
    else this.#give(open, answer);
  }

  #ask(open: OpenCall, answer: Answer, processOf: (tid: number) => AccountedProcess | undefined): void {
    const held: Held = { open, answer, until: performance.now() + GATE_DEADLINE_MS };
    const letThrough = (instead?: Answer): void => {
      if (instead !== undefined) held.answer = instead;
      held.until = 0;
      this.#alarm.noLaterThan(0);
    };
    let passes = true;
    try {
      passes = this.#gate.covers(open.call, answer, processOf(open.call.tid), letThrough);
    } catch (error) {
      this.#failed(error, "the gate");
    }
    if (passes) {
      this.#give(open, answer);
      return;
    }
    this.#held.push(held);
    this.#alarm.noLaterThan(held.until);
  }

  /** Gives the answer at `until`, milliseconds of performance.now(). */
  hold(open: OpenCall, answer: Answer, until: number): void {
    this.#held.push({ open, answer, until });
    this.#alarm.noLaterThan(until);
  }

  /** Gives the answers whose time has come. */
  #giveOpened(): void {
    const now = performance.now();
    const held = this.#held;
    this.#held = [];
    for (const each of held) {
      if (each.until <= now) this.#give(each.open, each.answer);
      else {
        this.#held.push(each);
        this.#alarm.noLaterThan(each.until);
      }
    }
  }

  /** The calls whose answers are held, oldest first. */
  get calls(): readonly OpenCall[] {
    return this.#held.map(({ open }) => open);
  }

  /** Gives the held answer of that call now. False: none is held. */
  giveNow(open: OpenCall): boolean {
    const at = this.#held.findIndex((each) => each.open === open);
    if (at < 0) return false;
    this.#give(open, this.#held.splice(at, 1)[0]!.answer);
    return true;
  }

  /** Drops the answers of calls that are gone. */
  drop(isGone: (open: OpenCall) => boolean): void {
    this.#held = this.#held.filter(({ open }) => !isGone(open));
  }

  /** An accounted process has exited. */
  ended(process: AccountedProcess): void {
    this.#gate.ended(process);
  }

  close(): void {
    this.#gate.close();
  }
}
