import { ERRNO } from "../../core/base/errno.ts";
import type { Accounts, Verdict } from "../../core/notify/accounts.ts";
import { notificationDecoder, type TrappedCall } from "../../core/notify/notification.ts";
import type { AccountedProcess } from "../../core/notify/process.ts";
import { EPOLLHUP, Epoll } from "../linux/epoll.ts";
import { errnoNow, libcClose, libcPidfdOpen } from "../linux/ffi/libc.ts";
import { hostArch } from "../linux/host-arch.ts";
import { openFileLimit } from "../linux/probes.ts";
import { type Alarm, Alarms } from "./alarms.ts";
import { type AnswerGate, GATE_DEADLINE_MS, type MakeGate } from "./answer-gate.ts";
import { chargeUnseen } from "./charge-unseen.ts";
import type { InFlight, Slot } from "./in-flight.ts";
import { type Answer, Listener } from "./listener.ts";
import { BELL_RINGS, LATEST_READY, OTHERS_READY, PollSet } from "./poll-set.ts";

/** Descriptors that are left for everything else. */
const SPARE_DESCRIPTORS = 64;
/** How long a call that would be refused waits for calls that were let go to happen. */
const WAIT_MS = 100;
/** How often it is looked at again; and how soon a child that has not called is looked for. */
const LOOK_MS = 1;
const SETTLE_MS = 100;
/** So many calls of one thread are served before it is looked whether others call as well. */
const ALONE = 4;

/** A trapped call that was received and not answered. */
interface OpenCall {
  readonly listener: Listener;
  readonly slot: Slot;
  readonly call: TrappedCall;
  /** Until when it may wait: for a decision, and then for the gate. */
  until: number;
  /** What was decided; a gate holds it back. */
  answer: Answer | undefined;
}

/** A descriptor that says by being readable that something is to be done: the end of a process, news of the gate. */
interface Watched {
  readonly fd: number;
  /** Closed with the loop. */
  readonly isOurs: boolean;
  ready(): void;
}

export interface LoopOwner {
  /** Nobody is under the filter of `listener` any more; its descriptor is closed. */
  ended(listener: Listener): void;
  /** An error that belongs to nobody's request; what it happened in. */
  failed(error: unknown, what: string): void;
  /** The bell rings: there are messages. */
  messages(): void;
}

/**
 * Answers trapped calls as the accounts decide, and tells them of the ends of processes. A loop of its own, on a thread of its own, that
 * waits for nothing but its descriptors: each turn receives all calls that wait, then decides, so that a caller is out of the reach
 * of signals soon. Listeners are served in turn.
 */
export class NotificationLoop {
  readonly alarms: Alarms = new Alarms();
  readonly #accounts: Accounts;
  readonly #inFlight: InFlight;
  readonly #owner: LoopOwner;
  readonly #decode: (notification: DataView) => TrappedCall | undefined = notificationDecoder(hostArch());
  readonly #epoll: Epoll = new Epoll();
  readonly #polls: PollSet;
  readonly #gate: AnswerGate;
  readonly #mostDescriptors: number = openFileLimit() - SPARE_DESCRIPTORS;
  readonly #byKey = new Map<number, Listener | Watched>();
  readonly #keys = new Map<number, number>();
  #nextKey = 1;
  /** Who had a notification last, which thread's it was, and how many that thread has had in a row. */
  #latest: Listener | undefined;
  #latestThread = 0;
  #alone = 0;
  /** Received in this turn. */
  #received: OpenCall[] = [];
  #waiting: OpenCall[] = [];
  #held: OpenCall[] = [];
  /** Met when they had exited already. */
  #goneAtOnce: AccountedProcess[] = [];
  readonly #waitingAlarm: Alarm;
  readonly #gateAlarm: Alarm;
  readonly #settleAlarm: Alarm;

  constructor(accounts: Accounts, inFlight: InFlight, bell: number, makeGate: MakeGate, owner: LoopOwner) {
    this.#accounts = accounts;
    this.#inFlight = inFlight;
    this.#owner = owner;
    this.#polls = new PollSet(this.#epoll.fd, bell);
    this.#waitingAlarm = this.alarms.make(() => this.#decideWaiting());
    this.#gateAlarm = this.alarms.make(() => this.#giveOpened());
    this.#settleAlarm = this.alarms.make(() => this.#guard("looking for children", () => this.#settle()));
    this.#gate = makeGate({ watch: (fd, ready) => this.#watch({ fd, ready, isOurs: false }) });
    accounts.population.onArrival = (process) => this.#watchExit(process);
  }

  /** Answers the notifications of `listener` from now on, and owns its descriptor. */
  listen(listener: Listener): void {
    this.#register(listener);
  }

  /** Calls that a process before this one has received. */
  goOn(listener: Listener, slots: readonly Slot[]): void {
    for (const slot of slots) {
      if (listener.isWaiting(slot.notification)) this.#take(listener, slot);
      else slot.free();
    }
    this.#decideReceived();
  }

  /** Waits until there is something to do, and does all of it. */
  turn(): void {
    const found = this.#polls.wait(this.#latest?.fd ?? -1, this.alarms.until(performance.now()));
    if ((found & LATEST_READY) !== 0) this.#receive(this.#latest!);
    if ((found & OTHERS_READY) !== 0 && !this.#isAlone()) this.#receiveAll();
    this.#decideReceived();
    this.alarms.run(performance.now());
    for (const process of this.#goneAtOnce.splice(0)) this.#exited(process);
    if ((found & BELL_RINGS) !== 0) this.#owner.messages();
  }

  /** Whether nobody but one thread has called lately, so that it need not be looked whether others wait as well. */
  #isAlone(): boolean {
    const [only] = this.#received;
    if (!only || only.call.tid !== this.#latestThread || this.#alone >= ALONE) {
      this.#latestThread = only?.call.tid ?? 0;
      this.#alone = 0;
      return false;
    }
    this.#alone++;
    return true;
  }

  /** Everything that waits, one call of each listener after the other, as long as there is room for it. */
  #receiveAll(): void {
    for (let before = -1; before !== this.#received.length && this.#inFlight.hasRoom; ) {
      before = this.#received.length;
      this.#epoll.poll(this.#serve);
    }
  }

  readonly #serve = (key: number, events: number): void => {
    const what = this.#byKey.get(key);
    if (what instanceof Listener) {
      if ((events & EPOLLHUP) !== 0) this.#end(what, key);
      else this.#receive(what);
    } else if (what) this.#guard("what a descriptor told", () => what.ready());
  };

  #register(what: Listener | Watched): void {
    const key = this.#nextKey++;
    this.#byKey.set(key, what);
    this.#keys.set(what.fd, key);
    this.#epoll.add(what.fd, key);
  }

  #forget(fd: number): void {
    const key = this.#keys.get(fd);
    if (key === undefined) return;
    this.#keys.delete(fd);
    this.#byKey.delete(key);
    this.#epoll.remove(fd);
  }

  #watch(what: Watched): () => void {
    this.#register(what);
    return () => this.#forget(what.fd);
  }

  #end(listener: Listener, key: number): void {
    if (!this.#byKey.has(key)) return;
    this.#forget(listener.fd);
    libcClose(listener.fd);
    if (this.#latest === listener) this.#latest = undefined;
    const without = (calls: OpenCall[]): OpenCall[] =>
      calls.filter((each) => {
        if (each.listener === listener) each.slot.free();
        return each.listener !== listener;
      });
    this.#received = without(this.#received);
    this.#waiting = without(this.#waiting);
    this.#held = without(this.#held);
    this.#guard("the end of a tree", () => this.#owner.ended(listener));
  }

  #watchExit(process: AccountedProcess): void {
    const fd = libcPidfdOpen(process.pid, 0);
    if (fd >= 0 && fd < this.#mostDescriptors) {
      const ready = (): void => {
        this.#forget(fd);
        libcClose(fd);
        this.#exited(process);
      };
      this.#register({ fd, ready, isOurs: true });
    }
    // One too many: the next look finds that it is gone.
    else if (fd >= 0) libcClose(fd);
    // Gone already, and reaped; who met it is to be done with it first.
    else if (errnoNow() === ERRNO.ESRCH) this.#goneAtOnce.push(process);
  }

  #exited(process: AccountedProcess): void {
    this.#guard(`the exit of process ${process.pid}`, () => {
      this.#accounts.population.exited(process);
      this.#gate.ended(process);
    });
  }

  /** One call, where one waits. */
  #receive(listener: Listener): void {
    this.#latest = listener;
    const slot = this.#inFlight.take(listener.number) ?? this.#makeRoom(listener.number);
    // Nothing of what was received in this turn can be answered before its end.
    if (!slot) return;
    if (listener.receive(slot.notification)) this.#take(listener, slot);
    else slot.free();
  }

  #take(listener: Listener, slot: Slot): void {
    const call = this.#decode(slot.view);
    if (!call) {
      listener.answer(slot.view, "continue");
      slot.free();
      return;
    }
    this.#received.push({ listener, slot, call, until: 0, answer: undefined });
  }

  /** Answers a call that waits, the first one of the listener that has most of them, so that another can be received. */
  #makeRoom(listener: number): Slot | undefined {
    const counts = new Map<Listener, number>();
    let most: OpenCall | undefined;
    for (const open of [...this.#held, ...this.#waiting]) {
      const count = (counts.get(open.listener) ?? 0) + 1;
      counts.set(open.listener, count);
      if (!most || count > counts.get(most.listener)!) most = open;
    }
    const first = [...this.#held, ...this.#waiting].find((open) => open.listener === most?.listener);
    if (!first) return undefined;
    this.#held = this.#held.filter((open) => open !== first);
    this.#waiting = this.#waiting.filter((open) => open !== first);
    first.answer ??= this.#verdict(first, true) as Answer;
    this.#give(first, first.answer);
    return this.#inFlight.take(listener);
  }

  #decideReceived(): void {
    if (this.#received.length === 0) return;
    const received = this.#received;
    this.#received = [];
    for (const { call } of received) this.#guard("a new call", () => this.#accounts.arrived(call.tid));
    for (const open of received) {
      if (this.#decide(open, false)) continue;
      const now = performance.now();
      open.until = now + WAIT_MS;
      this.#waiting.push(open);
      this.#waitingAlarm.noLaterThan(now + LOOK_MS);
    }
  }

  /** False when the decision has to wait. */
  #decide(open: OpenCall, last: boolean): boolean {
    const verdict = this.#verdict(open, last);
    if (verdict === "wait") return false;
    if (this.#passes(open, verdict)) this.#give(open, verdict);
    return true;
  }

  /** An exception decides as well: the call goes on, and what it can add at most is charged until a look finds what it has added. */
  #verdict({ call, listener }: OpenCall, last: boolean): Verdict {
    try {
      const verdict = this.#accounts.admit(call, listener.job, last);
      return verdict === "wait" && last ? "continue" : verdict;
    } catch (error) {
      this.#owner.failed(error, `${call.name} of thread ${call.tid}, which goes on`);
      this.#guard("charging it", () => chargeUnseen(this.#accounts, call));
      return "continue";
    }
  }

  /** Whether the gate lets the answer through now; else it is held. */
  #passes(open: OpenCall, answer: Answer): boolean {
    if (!this.#gate.concerns(open.call)) return true;
    let opened = false;
    let passes = true;
    const letThrough = (instead?: Answer): void => {
      opened = true;
      if (instead !== undefined) open.answer = instead;
      open.until = 0;
      if (!passes) this.#gateAlarm.noLaterThan(0);
    };
    this.#guard("the gate", () => {
      const process =
        this.#accounts.population.find(open.call.tid) ?? this.#accounts.population.ofThread(open.call.tid);
      passes = this.#gate.covers(open.call, answer, process, letThrough);
    });
    if (passes || opened) return true;
    open.answer = answer;
    open.until = performance.now() + GATE_DEADLINE_MS;
    this.#held.push(open);
    this.#gateAlarm.noLaterThan(open.until);
    return false;
  }

  /** Those whose gate has opened, or has had its time. */
  #giveOpened(): void {
    const now = performance.now();
    const held = this.#held;
    this.#held = [];
    for (const open of held) {
      if (open.until <= now) this.#give(open, open.answer!);
      else {
        this.#held.push(open);
        this.#gateAlarm.noLaterThan(open.until);
      }
    }
  }

  #give({ listener, slot, call }: OpenCall, answer: Answer): void {
    this.#guard("an answer", () => {
      const answered = listener.answer(slot.view, answer);
      if (!answered && answer === "continue") this.#accounts.cancelled(call.tid);
    });
    slot.free();
    if (this.#accounts.arrivals.hasUnmet && this.#settleAlarm.at === Number.POSITIVE_INFINITY) {
      this.#settleAlarm.at = performance.now() + SETTLE_MS;
    }
  }

  /** What those wait for may have come: now, and not only when it is looked at again. */
  decideSoon(): void {
    if (this.#waiting.length > 0) this.#waitingAlarm.at = 0;
  }

  #decideWaiting(): void {
    const now = performance.now();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const open of waiting) {
      if (!open.listener.isWaiting(open.slot.notification)) open.slot.free();
      else if (!this.#decide(open, now >= open.until)) this.#waiting.push(open);
    }
    if (this.#waiting.length > 0) this.#waitingAlarm.noLaterThan(performance.now() + LOOK_MS);
  }

  #settle(): void {
    this.#accounts.arrivals.settle();
    if (this.#accounts.arrivals.hasUnmet) this.#settleAlarm.at = performance.now() + SETTLE_MS;
  }

  /** Nothing that goes wrong in one thing is the end of the others. */
  #guard(what: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#owner.failed(error, what);
    }
  }

  close(): void {
    this.#gate.close();
    for (const what of this.#byKey.values()) if (what instanceof Listener || what.isOurs) libcClose(what.fd);
    this.#byKey.clear();
    this.#epoll.close();
  }
}
