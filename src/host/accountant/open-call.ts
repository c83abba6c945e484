import type { TrappedCall } from "../../core/trap/notification.ts";
import type { Slot } from "./in-flight.ts";
import type { Listener } from "./listener.ts";

/** A trapped call that was received and not answered. Its slot is freed when it is answered, or its listener ends. */
export interface OpenCall {
  readonly listener: Listener;
  readonly slot: Slot;
  readonly call: TrappedCall;
  /** When its decision first had to wait: milliseconds of performance.now(); 0 while it has not. */
  waitsSince: number;
  /** Until when its decision may wait: milliseconds of performance.now(). */
  until: number;
}
