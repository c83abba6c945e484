import type { Duplex } from "node:stream";
import { Errno } from "../../core/base/errno.ts";
import type { Caller, Connection } from "../../core/vfs/caller.ts";
import type { FileSystem } from "../../core/vfs/node.ts";
import type { Turn, Turns } from "../../core/vfs/turns.ts";
import { FrameSplitter } from "../../core/wire/ninep/frames.ts";
import { FIRST_MSIZE, NinepSession } from "../../core/wire/ninep/session.ts";

export interface NinepTimeouts {
  /** Until a version is agreed on: milliseconds. */
  readonly handshake: number;
  /** For the rest of a message that has begun, and for a client to take what it is sent. */
  readonly stall: number;
}

export const NINEP_TIMEOUTS: NinepTimeouts = { handshake: 10_000, stall: 30_000 };

/** Bytes of replies not taken after which no request is looked at. */
const MOST_UNSENT = 4 * 1024 * 1024;

export interface NinepConnectionOptions {
  /** Who the other end acts as, given the connection as somebody that things belong to. */
  identify(connection: Connection): Caller;
  attach(aname: string, caller: Caller): FileSystem;
  onBug(error: unknown): void;
  /** Whose request is served next; without it each is served as it comes. */
  readonly turns?: Turns;
  readonly timeouts?: NinepTimeouts;
}

let nextId = 1;

/** Serves 9P2000.L on a stream until it ends; whatever the client holds is let go then. */
export function serveNinepConnection(stream: Duplex, options: NinepConnectionOptions): void {
  const timeouts = options.timeouts ?? NINEP_TIMEOUTS;
  const listeners = new Set<() => void>();
  const caller = options.identify({
    id: nextId++,
    onEnd: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  });
  const frames = new FrameSplitter(FIRST_MSIZE);
  const session = new NinepSession({
    caller,
    attach: (aname) => options.attach(aname, caller),
    reply: (frame) => {
      if (stream.writable) stream.write(frame);
    },
    onMsize: (msize) => frames.setLimit(msize),
    onBug: (error, what) => options.onBug(new Error(`9P ${what}`, { cause: error })),
  });

  const { turns } = options;
  /** Of the next message. */
  let turn: Turn | undefined;

  // One timer for whatever the client owes: a version, the rest of a message, room for replies.
  let timer: NodeJS.Timeout | undefined;
  const expect = (): void => {
    clearTimeout(timer);
    // It owes nothing while it waits for us.
    const limit = turn
      ? undefined
      : !session.open
        ? timeouts.handshake
        : frames.unfinished || stream.writableLength > MOST_UNSENT
          ? timeouts.stall
          : undefined;
    timer = limit === undefined ? undefined : setTimeout(() => stream.destroy(), limit);
  };
  expect();

  /** Messages that have come and are not looked at: the client does not take its replies, or it is the turn of others. */
  let unserved: Iterator<Uint8Array> | undefined;
  const hold = (messages: Iterator<Uint8Array>): void => {
    unserved = messages;
    stream.pause();
  };
  const serveOne = (message: Uint8Array): void => {
    if (turns) turns.spend(caller.uid, () => session.message(message));
    else session.message(message);
  };
  /** False when the rest is held. */
  const serveAll = (messages: Iterator<Uint8Array>, isTurn: boolean): boolean => {
    for (let admitted = isTurn; ; admitted = false) {
      if (stream.writableLength > MOST_UNSENT) {
        hold(messages);
        return false;
      }
      if (!admitted && turns && !turns.admits(caller.uid)) {
        hold(messages);
        turn = turns.wait(caller.uid, 0, () => {
          turn = undefined;
          serve(messages, true);
        });
        return false;
      }
      const { done, value } = messages.next();
      if (done) return true;
      serveOne(value);
    }
  };
  const serve = (messages: Iterator<Uint8Array>, isTurn = false): void => {
    try {
      if (serveAll(messages, isTurn)) {
        unserved = undefined;
        stream.resume();
      }
      turns?.restSoon();
      expect();
    } catch (error) {
      if (!(error instanceof Errno)) options.onBug(error);
      stream.destroy();
    }
  };
  stream.on("data", (chunk: Uint8Array) => serve(frames.push(chunk)));
  stream.on("drain", () => (unserved && !turn ? serve(unserved) : expect()));
  // The end is told by `close`, whatever its reason.
  stream.on("error", () => {});
  stream.on("end", () => stream.end());
  stream.on("close", () => {
    clearTimeout(timer);
    turn?.cancel();
    session.close();
    for (const listener of [...listeners]) listener();
    listeners.clear();
  });
}
