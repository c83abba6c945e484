import { isErrno } from "../../core/base/errno.ts";
import type { Policy } from "../../core/policy/policy.ts";
import type { Enrolment } from "../../host/accountant/enrolment.ts";
import type { Descriptors } from "../../host/linux/descriptors.ts";
import { ProcessConnector } from "../../host/linux/process-connector.ts";
import { watchReadable } from "../../host/linux/watch.ts";
import { keepDaemon } from "./daemon-kept.ts";

/**
 * Has the kernel tell of processes that become somebody whose limits are said, and brings those that are there already under accounting.
 * Where nobody has limits nobody is listened to. Root's daemon only: a user's keeper, which starts the next daemon, is the user's process.
 */
export class AutomaticEnrolment {
  readonly #enrolment: Enrolment;
  readonly #descriptors: Descriptors;
  readonly #print: (line: string) => void;
  readonly #open: () => ProcessConnector;
  #connector: ProcessConnector | undefined;
  #watch: { close(): void } | undefined;
  #hasTried = false;
  #isClosed = false;

  constructor(
    enrolment: Enrolment,
    descriptors: Descriptors,
    print: (line: string) => void,
    open: () => ProcessConnector = () => ProcessConnector.open(),
  ) {
    this.#open = open;
    this.#enrolment = enrolment;
    this.#descriptors = descriptors;
    this.#print = print;
  }

  /** Another policy holds: who has limits now may be there already. */
  changed(policy: Policy): void {
    if (this.#isClosed || process.geteuid!() !== 0) return;
    this.#keepDaemon(policy.length > 0);
    this.#enrolment.keepSweeping(policy.length > 0);
    if (policy.length === 0) return;
    // First: who comes while the others are looked for is heard of.
    this.#listen();
    void this.#enrolment.sweep();
  }

  #keepDaemon(isNeeded: boolean): void {
    keepDaemon(this.#descriptors, isNeeded)
      // It may have been told to close meanwhile.
      .then(() => isNeeded && this.#isClosed && this.#keepDaemon(false))
      .catch((error) => this.#print(`lyonnais: limits: nobody starts the daemon again if it is killed: ${error}`));
  }

  #listen(): void {
    if (this.#hasTried) return;
    this.#hasTried = true;
    try {
      const connector = this.#open();
      this.#connector = connector;
      this.#watch = watchReadable(connector.fd, () => {
        if (!connector.read((pid, uid) => this.#enrolment.heard(pid, uid))) this.#enrolment.lost();
      });
    } catch (error) {
      if (!isErrno(error)) throw error;
      const rest = "only who logs in through lyonnais enrol, and who was there before, is held to a limit";
      this.#print(`lyonnais: limits: ${error.message}; ${rest}`);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#keepDaemon(false);
    this.#watch?.close();
    this.#connector?.close();
    // It is closed again when the daemon ends.
    this.#watch = undefined;
    this.#connector = undefined;
    this.#enrolment.close();
  }
}
