import type { Tid } from "../base/brand.ts";
import type { Errno } from "../base/errno.ts";
import type { ThreadObserver } from "./thread-set.ts";

/**
 * - `running`: every thread runs.
 * - `stepping`: the current thread does one instruction, the others are held.
 * - `stopping`: on the way to `stopped`, which holds when no thread runs.
 * - `detaching`: each thread is let go as soon as it stops.
 * - `gone`: no thread is left, or all were let go.
 */
export type Mode = "running" | "stepping" | "stopping" | "stopped" | "detaching" | "gone";

/** Told by the rules; may call back into {@link Tracee}. */
export interface TraceeObserver extends ThreadObserver {
  /** All threads are stopped and there is something to report; `isNew`: that nobody was told yet. */
  stopped(isNew: boolean): void;
  /** A new image is about to run its first instruction; `false` lets the process go before it does. */
  mayKeepAfterExec(): boolean;
  /** The last thread has exited. */
  exited(): void;
  /** Every thread was let go. */
  detached(): void;
}

/** A short look at a stopped thread. Exactly one of the two is called. */
export interface Peek {
  /** Looks. What it returns tells who asked, and is called once: when the thread is let go, if the stop was for the look alone. */
  act(tid: Tid): () => void;
  fail(error: Errno): void;
}
