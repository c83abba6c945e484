import type { TrappedCall } from "../../core/notify/notification.ts";
import type { Slot } from "./in-flight.ts";
import type { Listener } from "./listener.ts";

/** A trapped call that was received and not answered. Times are milliseconds of performance.now(), 0 as long as its decision has not waited. */
export interface OpenCall {
  readonly listener: Listener;
  readonly slot: Slot;
  readonly call: TrappedCall;
  waitsSince: number;
  /** Until when its decision may wait. */
  until: number;
}
