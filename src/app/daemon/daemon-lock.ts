import { closeSync, ftruncateSync, readFileSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { Errno } from "../../core/base/errno.ts";
import { lockFile } from "../../host/linux/file-lock.ts";
import { type Inheritance, takeInheritance } from "../keeper/inheritance.ts";
import { nodeErrno } from "../node-errno.ts";
import { makeRuntimeDir } from "./socket.ts";

/** How often and how long a daemon that is being started again, or is ending, is waited for. */
const LOOK_MS = 20;
const LONGEST_WAIT_MS = 20_000;

/**
 * The right to be this user's daemon: a lock beside the socket that the daemon shares with its keeper alone, so it is free
 * when both are gone. While it is taken, a command that would start a daemon waits for the keeper's.
 */
export class DaemonLock {
  readonly fd: number;
  readonly inheritance: Inheritance | undefined;
  #stays: boolean;

  private constructor(fd: number, inheritance: Inheritance | undefined, stays: boolean) {
    this.fd = fd;
    this.inheritance = inheritance;
    this.#stays = stays;
    this.#note();
  }

  /** EADDRINUSE: a daemon answers on `socket`. EBUSY: one has the lock and does not answer. EPERM: {@link makeRuntimeDir}. */
  static async take(socket: string, stays: boolean): Promise<DaemonLock> {
    const inheritance = takeInheritance();
    // What the daemon was to do until it died, the one that takes its place is to do.
    if (inheritance) return new DaemonLock(inheritance.lock, inheritance, readNote(socket).stays);
    makeRuntimeDir(socket);
    const end = Date.now() + LONGEST_WAIT_MS;
    for (;;) {
      const lock = locked(`${socket}.lock`);
      if (lock !== undefined) return new DaemonLock(lock, undefined, stays);
      if (await answers(socket)) throw new Errno("EADDRINUSE", `somebody listens on ${socket} already`);
      if (Date.now() > end) {
        throw new Errno(
          "EBUSY",
          `process ${readNote(socket).pid} is the daemon and does not answer on ${socket}; end it`,
        );
      }
      await pause(LOOK_MS);
    }
  }

  /** Whether the daemon goes on when it is of no use. Outlives it. */
  get stays(): boolean {
    return this.#stays;
  }

  stay(stays: boolean): void {
    this.#stays = stays;
    this.#note();
  }

  release(): void {
    closeSync(this.fd);
  }

  /** What was noted last stays where there is no room: it is overwritten, and cut off behind. */
  #note(): void {
    try {
      ftruncateSync(this.fd, writeSync(this.fd, `${process.pid}${this.#stays ? " stays" : ""}\n`, 0));
    } catch (error) {
      const { code, reason } = nodeErrno(error);
      throw new Errno(code, `the daemon's lock cannot be written: ${reason}`, error);
    }
  }
}

function locked(path: string): number | undefined {
  try {
    return lockFile(path);
  } catch (error) {
    throw nodeErrno(error);
  }
}

function readNote(socket: string): { pid: string; stays: boolean } {
  const [pid = "?", word] = readFileSync(`${socket}.lock`, "latin1").split("\n", 1)[0]!.split(" ");
  return { pid, stays: word === "stays" };
}

/** Whether somebody listens at `socket`. */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const client = connect(socket, () => {
      client.destroy();
      resolve(true);
    }).on("error", () => resolve(false));
  });
}
