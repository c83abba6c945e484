// The global of this name is a getter, which costs as much as the clock.
import { performance } from "node:perf_hooks";
import type { Accounts, Verdict } from "../../core/notify/accounts.ts";
import { NOT_YET } from "../../core/space/ports.ts";
import type { AccountedProcess } from "../../core/space/process.ts";
import { notificationDecoder, type TrappedCall } from "../../core/trap/notification.ts";
import { hostArch } from "../linux/host-arch.ts";
import type { Alarm, Alarms } from "./alarms.ts";
import type { MakeGate } from "./answer-gate.ts";
import { CallSources } from "./call-sources.ts";
import { chargeUnseen } from "./charge-unseen.ts";
import { ExitWatch } from "./exit-watch.ts";
import { HeldAnswers } from "./held-answers.ts";
import type { InFlight, Slot } from "./in-flight.ts";
import type { Answer, Listener } from "./listener.ts";
import type { LoopOwner } from "./loop-owner.ts";
import type { OpenCall } from "./open-call.ts";
import { RefusalPace } from "./refusal-pace.ts";

/** How long a call that would be refused waits for allowed calls to happen. */
const WAIT_MS = 100;
/** How long a call waits in all for maps that are read on another thread. */
const MAPS_MS = 1000;
/** How often a call that waits is decided again. */
const RETRY_MS = 1;
/** After how long an unfound child or a pending exec is searched for, if no call of the process comes first. */
const SETTLE_MS = 100;
/** While no second call waits at a time, the search for one is skipped for more and more turns, at most this many. */
const MOST_ALONE = 16;

/**
 * Receives trapped calls, answers them as the accounts decide, and reports exits of processes. It is the loop of a thread that waits for
 * nothing but its descriptors. Each turn receives every notification that waits, one of each listener after the other, and then decides: a
 * received call cannot be interrupted by a signal any more.
 */
export class NotificationLoop {
  readonly #alarms: Alarms;
  readonly #accounts: Accounts;
  readonly #inFlight: InFlight;
  readonly #owner: LoopOwner;
  readonly #decode: (notification: DataView) => TrappedCall | undefined = notificationDecoder(hostArch());
  readonly #sources: CallSources;
  readonly #exits: ExitWatch;
  readonly #held: HeldAnswers;
  readonly #pace: RefusalPace = new RefusalPace();
  /** In how many turns a second call is searched for again, and how many turns were skipped the last time. */
  #alone = 0;
  #aloneBefore = 0;
  /** Calls received in this turn and not decided. */
  #received: OpenCall[] = [];
  /** Calls whose decision waits. */
  #waiting: OpenCall[] = [];
  readonly #waitingAlarm: Alarm;
  readonly #settleAlarm: Alarm;

  constructor(
    accounts: Accounts,
    inFlight: InFlight,
    bell: number,
    alarms: Alarms,
    makeGate: MakeGate,
    owner: LoopOwner,
  ) {
    this.#accounts = accounts;
    this.#alarms = alarms;
    this.#inFlight = inFlight;
    this.#owner = owner;
    const called = (listener: Listener): void => this.#receive(listener);
    this.#sources = new CallSources(bell, { called, ended: (listener) => this.#end(listener) }, owner.pulse);
    this.#exits = new ExitWatch(alarms, {
      exited: (process) => this.#exited(process),
      stays: (process) => this.#guard("writing down a process", () => accounts.arrivals.stays(process)),
      isGone: (process) => accounts.population.isGone(process),
      failed: (error, { pid }) => owner.failed(error, `watching process ${pid}`),
    });
    this.#waitingAlarm = this.#alarms.make(() => this.#decideWaiting());
    this.#settleAlarm = this.#alarms.make(() => this.#guard("looking for children", () => this.#settle()));
    const give = (open: OpenCall, answer: Answer): void => this.#give(open, answer);
    const watch = (fd: number, ready: () => void): (() => void) => this.#watch(fd, ready);
    this.#held = new HeldAnswers(makeGate, { watch }, alarms, give, owner.failed);
  }

  /** Answers the notifications of `listener` from now on, and owns its descriptor. */
  listen(listener: Listener): void {
    this.#sources.add(listener);
  }

  /** Decides the calls of `listener` that the daemon before this one has received and not answered. */
  resume(listener: Listener, slots: readonly Slot[]): void {
    for (const slot of slots) {
      if (listener.isWaiting(slot.notification)) this.#take(listener, slot);
      else slot.free();
    }
    this.#decideReceived();
  }

  /** Waits until there is something to do, and does all of it. Returns the time at its end: milliseconds of performance.now(). */
  turn(): number {
    const begin = performance.now();
    this.#sources.wait(this.#alarms.until(begin), this.#exits.fd);
    const { bellRings, hasExits } = this.#sources;
    // An answer to a message has to know of everything that has happened before the message.
    if (bellRings || (this.#received.length > 0 && this.#alone-- <= 0)) this.#receiveAll();
    if (this.#received.length > 0) this.#decideReceived();
    if (bellRings || hasExits) this.#exits.collect();
    const now = performance.now();
    this.#alarms.run(now);
    if (bellRings) this.#owner.messages();
    return now;
  }

  /** Receives every notification that waits, one of each listener after the other, while there are free slots. */
  #receiveAll(): void {
    const first = this.#received.length;
    for (let before = -1; before !== this.#received.length && this.#inFlight.hasRoom; ) {
      before = this.#received.length;
      this.#sources.wait(0, -1);
    }
    this.#aloneBefore = this.#received.length === first ? Math.min(2 * this.#aloneBefore + 1, MOST_ALONE) : 0;
    this.#alone = this.#aloneBefore;
  }

  /** Calls `ready` whenever that descriptor is readable, until the returned function is called; that has to be before it is closed. */
  #watch(fd: number, ready: () => void): () => void {
    const { watches } = this.#sources;
    watches.add(fd, false, () => this.#guard("what a descriptor told", ready));
    return () => watches.remove(fd);
  }

  /** No process is under the filter of `listener` any more: its calls are gone. */
  #end(listener: Listener): void {
    this.#sources.remove(listener);
    const isGone = (open: OpenCall): boolean => open.listener === listener;
    for (const open of [...this.#received, ...this.#waiting, ...this.#held.calls]) if (isGone(open)) open.slot.free();
    this.#received = this.#received.filter((open) => !isGone(open));
    this.#waiting = this.#waiting.filter((open) => !isGone(open));
    this.#held.drop(isGone);
    this.#guard("the end of a tree", () => this.#owner.ended(listener));
  }

  /** A process was registered: its exit is reported to the accounts. */
  arrived(process: AccountedProcess): void {
    this.#exits.add(process);
  }

  /** Reports all exits that have happened by now to the accounts. */
  collectExits(): void {
    this.#exits.collect();
  }

  #exited(process: AccountedProcess): void {
    this.#guard(`the exit of process ${process.pid}`, () => {
      this.#accounts.population.exited(process);
      this.#owner.exited(process);
      this.#held.ended(process);
    });
  }

  /** Receives one notification of `listener`, if one waits and a slot can be had. */
  #receive(listener: Listener): void {
    const slot = this.#inFlight.take(listener.number) ?? this.#makeRoom(listener.number);
    // All slots are taken by calls of this turn, which are decided at its end.
    if (!slot) return;
    if (listener.receive(slot.notification)) this.#take(listener, slot);
    else slot.free();
  }

  /** Takes a received notification into this turn; one that no table knows goes on at once. */
  #take(listener: Listener, slot: Slot): void {
    const call = this.#decode(slot.view);
    if (!call) {
      listener.answer(slot.view, "continue");
      slot.free();
      return;
    }
    this.#pace.called(listener);
    this.#received.push({ listener, slot, call, waitsSince: 0, until: 0 });
  }

  /** Frees a slot: answers the oldest open call of the listener that has the most of them, without further waiting. */
  #makeRoom(listener: number): Slot | undefined {
    const counts = new Map<Listener, number>();
    const open = [...this.#held.calls, ...this.#waiting];
    let most: OpenCall | undefined;
    for (const each of open) {
      const count = (counts.get(each.listener) ?? 0) + 1;
      counts.set(each.listener, count);
      if (!most || count > counts.get(most.listener)!) most = each;
    }
    const first = open.find((each) => each.listener === most?.listener);
    if (!first) return undefined;
    if (!this.#held.giveNow(first)) {
      this.#waiting = this.#waiting.filter((each) => each !== first);
      this.#give(first, this.#verdict(first, true) as Answer);
    }
    return this.#inFlight.take(listener);
  }

  #decideReceived(): void {
    const received = this.#received;
    this.#received = [];
    for (const { call } of received) this.#guard("a new call", () => this.#accounts.arrived(call.tid));
    for (const open of received) if (!this.#decide(open, false)) this.#wait(open);
  }

  /** The call is decided again in a moment. */
  #wait(open: OpenCall): void {
    this.#waiting.push(open);
    this.#waitingAlarm.noLaterThan(open.waitsSince + RETRY_MS);
  }

  /** Decides a call and passes its answer on. False: the decision has to wait. `last`: it may not. */
  #decide(open: OpenCall, last: boolean): boolean {
    const verdict = this.#verdict(open, last);
    if (verdict === "wait") {
      if (open.waitsSince === 0) {
        open.waitsSince = performance.now();
        open.until = open.waitsSince + WAIT_MS;
      }
      return false;
    }
    const until = verdict === "continue" ? 0 : this.#pace.until(open.listener);
    if (until > 0) this.#held.hold(open, verdict, until);
    else this.#held.pass(open, verdict, this.#processOf);
    return true;
  }

  /** Decides a call. After an unexpected exception the call goes on and is charged with the most that it can add; the error is logged. */
  #verdict(open: OpenCall, last: boolean): Verdict {
    const { call, listener } = open;
    try {
      return this.#owner.admit(call, listener.job, last);
    } catch (error) {
      if (error === NOT_YET) {
        const now = performance.now();
        if (open.waitsSince === 0) open.waitsSince = now;
        open.until = Math.min(open.waitsSince + MAPS_MS, now + WAIT_MS);
        return "wait";
      }
      this.#owner.failed(error, `${call.name} of thread ${call.tid}, which goes on`);
      this.#guard("charging it", () => chargeUnseen(this.#accounts, call));
      return "continue";
    }
  }

  readonly #processOf = (tid: number): AccountedProcess | undefined =>
    this.#accounts.population.find(tid) ?? this.#accounts.population.ofThread(tid);

  /** Answers a call and frees its slot. A call that has gone meanwhile is cancelled in the accounts. */
  #give({ listener, slot, call }: OpenCall, answer: Answer): void {
    try {
      const answered = listener.answer(slot.view, answer);
      if (answer === "continue") this.#owner.continued(call.tid);
      if (!answered && answer === "continue") this.#accounts.cancelled(call.tid);
    } catch (error) {
      this.#owner.failed(error, "an answer");
    }
    slot.free();
    if (this.#accounts.arrivals.hasPending && this.#settleAlarm.at === Number.POSITIVE_INFINITY) {
      this.#settleAlarm.at = performance.now() + SETTLE_MS;
    }
  }

  /** Decides the waiting calls in this turn: what they wait for may have come. */
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
    if (this.#waiting.length > 0) this.#waitingAlarm.noLaterThan(performance.now() + RETRY_MS);
  }

  #settle(): void {
    this.#accounts.arrivals.findPending();
    if (this.#accounts.arrivals.hasPending) this.#settleAlarm.at = performance.now() + SETTLE_MS;
  }

  /** An error in one action is logged and does not end the loop. */
  #guard(what: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#owner.failed(error, what);
    }
  }

  /** Closes every descriptor that the loop owns; open calls stay unanswered, for a successor. */
  close(): void {
    this.#held.close();
    this.#exits.close();
    this.#sources.close();
  }
}
