import { ERRNO } from "../../core/base/errno.ts";
import type { Accounts } from "../../core/notify/accounts.ts";
import { notificationDecoder, type TrappedCall } from "../../core/notify/notification.ts";
import type { AccountedProcess } from "../../core/notify/process.ts";
import { type Outcome, Parked } from "../../core/vfs/parked.ts";
import { EPOLLHUP, Epoll } from "../linux/epoll.ts";
import { errnoNow, libcClose, libcPidfdOpen } from "../linux/ffi/libc.ts";
import { hostArch } from "../linux/host-arch.ts";
import { openFileLimit } from "../linux/probes.ts";
import { watchReadable } from "../linux/watch.ts";
import { type AnswerGate, GATE_DEADLINE_MS, type GateLoop, type MakeGate, openGate } from "./answer-gate.ts";
import type { InFlight, Slot } from "./in-flight.ts";
import { Linger } from "./linger.ts";
import { type Answer, Listener } from "./listener.ts";

/** Descriptors that are left for everything else. */
const SPARE_DESCRIPTORS = 64;
/** How long a call that would be refused, or who asks for the figures, waits for calls that were let go to happen. */
const WAIT_MS = 100;
/** How often it is looked at again; and how soon a child that has not called is looked for. */
const LOOK_MS = 1;
const SETTLE_MS = 100;
/**
 * How long after a notification the next is waited for here and not by Node's event loop; the loop gets a turn whenever it has
 * something to do, and after so long at the latest: a timer is late by that at most.
 */
const ATTENTIVE_MS = 100;
const TURN_MS = 5;

/** A call whose answer is decided and held back by the gate. */
interface Held {
  readonly listener: Listener;
  readonly slot: Slot;
  readonly call: TrappedCall;
  readonly answer: Answer;
  readonly timer: NodeJS.Timeout;
}

/** A descriptor that somebody else has. */
interface Watched {
  readonly fd: number;
  readonly ready: () => void;
}

interface Waiting {
  readonly listener: Listener;
  readonly slot: Slot;
  readonly call: TrappedCall;
  readonly until: number;
}

/** The end of a process, told by its pidfd. */
interface Exit {
  readonly fd: number;
  readonly process: AccountedProcess;
}

/** Answers trapped calls as the accounts decide, and tells them of the ends of processes: on Node's event loop. */
export class NotificationLoop implements GateLoop {
  readonly #accounts: Accounts;
  readonly #inFlight: InFlight;
  readonly #onEnd: (listener: Listener) => void;
  readonly #decode: (notification: DataView) => TrappedCall | undefined = notificationDecoder(hostArch());
  readonly #epoll: Epoll = new Epoll();
  readonly #mostDescriptors: number = openFileLimit() - SPARE_DESCRIPTORS;
  readonly #linger: Linger = new Linger(this.#epoll.fd);
  /** Who had a notification last. */
  #latest: Listener | undefined;
  #watch: { close(): void } | undefined;
  readonly #byKey = new Map<number, Listener | Exit | Watched>();
  readonly #gate: AnswerGate;
  readonly #held = new Set<Held>();
  readonly #listeners = new Set<Listener>();
  #nextKey = 1;
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;
  #settleTimer: NodeJS.Timeout | undefined;
  #attentiveUntil = 0;
  #nextTurn: NodeJS.Immediate | undefined;

  /** `onEnd` is told when nobody is under a listener's filter any more; its descriptor is closed then. */
  constructor(
    accounts: Accounts,
    inFlight: InFlight,
    onEnd: (listener: Listener) => void,
    makeGate: MakeGate = openGate,
  ) {
    this.#accounts = accounts;
    this.#inFlight = inFlight;
    this.#onEnd = onEnd;
    accounts.population.onArrival = (process) => this.#watchExit(process);
    this.#gate = makeGate(this);
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Answers the notifications of `listener` from now on, and owns its descriptor. */
  listen(listener: Listener): void {
    this.#listeners.add(listener);
    this.#register(listener);
  }

  /** Calls that a process before this one has received. */
  goOn(listener: Listener, slots: readonly Slot[]): void {
    for (const slot of slots) {
      if (listener.isWaiting(slot.notification)) this.#receive(listener, slot);
      else slot.free();
    }
  }

  /** Looks at every map as soon as no call is under way, or has been for long enough to be no passing matter. */
  settle(): Outcome<void> {
    this.#epoll.poll(this.#serve);
    const until = performance.now() + WAIT_MS;
    const look = (): boolean => {
      this.#accounts.lookAtAll();
      return !this.#accounts.isUnsettled() || performance.now() > until;
    };
    if (look()) return undefined;
    const timer = setInterval(() => {
      if (!look()) return;
      clearInterval(timer);
      done.settle();
    }, LOOK_MS);
    const done = new Parked<void>(() => clearInterval(timer));
    return done;
  }

  watch(fd: number, ready: () => void): () => void {
    const key = this.#register({ fd, ready });
    return () => {
      if (this.#byKey.delete(key)) this.#epoll.remove(fd);
    };
  }

  #register(what: Listener | Exit | Watched): number {
    // A watch keeps the event loop going: not before there is something to watch.
    this.#watch ??= watchReadable(this.#epoll.fd, () => this.#ready());
    const key = this.#nextKey++;
    this.#byKey.set(key, what);
    this.#epoll.add(what.fd, key);
    return key;
  }

  #watchExit(process: AccountedProcess): void {
    const fd = libcPidfdOpen(process.pid, 0);
    if (fd >= 0 && fd < this.#mostDescriptors) this.#register({ fd, process });
    // One too many: the next look finds that it is gone.
    else if (fd >= 0) libcClose(fd);
    // Gone already, and reaped; who met it is to be done with it first.
    else if (errnoNow() === ERRNO.ESRCH) setImmediate(() => this.#accounts.population.exited(process));
  }

  #ready(): void {
    this.#epoll.poll(this.#serve);
    this.#nextTurn ??= setImmediate(this.#attend);
  }

  /** A turn of its own: what is done here waits until the loop has done everything else. */
  readonly #attend = (): void => {
    this.#nextTurn = undefined;
    const start = performance.now();
    let now = start;
    while (this.#latest && this.#waiting.length === 0 && now < this.#attentiveUntil) {
      const next = now - start < TURN_MS ? this.#linger.wait(this.#latest.fd, TURN_MS * 1e6) : "loop";
      if (next === "loop" || next === "nothing") {
        this.#nextTurn = setImmediate(this.#attend);
        return;
      }
      if (next === "ready") this.#serveListener(this.#latest);
      else this.#epoll.poll(this.#serve);
      now = performance.now();
    }
  };

  readonly #serve = (key: number, events: number): void => {
    const what = this.#byKey.get(key);
    if (!what) return;
    if ("ready" in what) {
      what.ready();
      return;
    }
    if (what instanceof Listener && (events & EPOLLHUP) === 0) {
      this.#serveListener(what);
      return;
    }
    this.#byKey.delete(key);
    this.#epoll.remove(what.fd);
    libcClose(what.fd);
    if (what instanceof Listener) {
      this.#listeners.delete(what);
      if (this.#latest === what) this.#latest = undefined;
      for (const { listener, slot } of this.#waiting) if (listener === what) slot.free();
      for (const held of this.#held) if (held.listener === what && this.#letGo(held)) held.slot.free();
      this.#waiting = this.#waiting.filter(({ listener }) => listener !== what);
      this.#onEnd(what);
    } else {
      this.#gate.ended(what.process);
      this.#accounts.population.exited(what.process);
    }
  };

  #serveListener(listener: Listener): void {
    this.#latest = listener;
    this.#attentiveUntil = performance.now() + ATTENTIVE_MS;
    const slot = this.#inFlight.take(listener.number) ?? this.#makeRoom(listener.number);
    if (listener.receive(slot.notification)) this.#receive(listener, slot);
    else slot.free();
  }

  /** Answers the call that has waited longest, so that another can be received. */
  #makeRoom(listener: number): Slot {
    const oldest = this.#waiting.shift();
    if (oldest) this.#decide(oldest.listener, oldest.slot, oldest.call, true);
    const [held] = this.#held;
    if (held && !oldest && this.#letGo(held)) this.#give(held.listener, held.slot, held.call, held.answer);
    return this.#inFlight.take(listener)!;
  }

  #receive(listener: Listener, slot: Slot): void {
    const call = this.#decode(slot.view);
    if (!call) {
      listener.answer(slot.view, "continue");
      slot.free();
      return;
    }
    this.#accounts.arrived(call.tid);
    if (this.#decide(listener, slot, call, false)) return;
    this.#waiting.push({ listener, slot, call, until: performance.now() + WAIT_MS });
    this.#timer ??= setInterval(() => this.#decideWaiting(), LOOK_MS);
  }

  /** False when the answer has to wait. */
  #decide(listener: Listener, slot: Slot, call: TrappedCall, last: boolean): boolean {
    const verdict = this.#accounts.admit(call, listener.job, last);
    if (verdict === "wait") return false;
    let held: Held | undefined;
    const open = (instead?: Answer): void => {
      if (held && this.#letGo(held)) this.#give(listener, slot, call, instead ?? verdict);
    };
    if (this.#gate.covers(call, verdict, this.#accounts.population.find(call.tid), open)) {
      this.#give(listener, slot, call, verdict);
    } else {
      held = { listener, slot, call, answer: verdict, timer: setTimeout(open, GATE_DEADLINE_MS) };
      this.#held.add(held);
    }
    return true;
  }

  /** False for one whose answer has been given. */
  #letGo(held: Held): boolean {
    clearTimeout(held.timer);
    return this.#held.delete(held);
  }

  #give(listener: Listener, slot: Slot, call: TrappedCall, answer: Answer): void {
    const answered = listener.answer(slot.view, answer);
    slot.free();
    if (!answered && answer === "continue") this.#accounts.cancelled(call.tid);
    if (this.#accounts.arrivals.hasUnmet) this.#settleSoon();
  }

  #decideWaiting(): void {
    const now = performance.now();
    this.#waiting = this.#waiting.filter(({ listener, slot, call, until }) => {
      if (listener.isWaiting(slot.notification)) return !this.#decide(listener, slot, call, now >= until);
      slot.free();
      return false;
    });
    if (this.#waiting.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #settleSoon(): void {
    this.#settleTimer ??= setTimeout(() => {
      this.#settleTimer = undefined;
      this.#accounts.arrivals.settle();
      if (this.#accounts.arrivals.hasUnmet) this.#settleSoon();
    }, SETTLE_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#settleTimer);
    clearImmediate(this.#nextTurn);
    this.#watch?.close();
    this.#gate.close();
    for (const held of this.#held) this.#letGo(held);
    for (const what of this.#byKey.values()) libcClose(what.fd);
    this.#byKey.clear();
    this.#epoll.close();
  }
}
