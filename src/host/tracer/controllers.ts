import type { LiveProcessTable } from "../linux/process-table.ts";
import { type Controller, watchController } from "./controller.ts";

/** Those that control something now, each watched for its end. */
export class Controllers {
  readonly #processes: LiveProcessTable;
  readonly #ended: (key: string) => void;
  readonly #watched = new Map<string, { close(): void }>();

  /** `ended` is told which controller is no more. */
  constructor(processes: LiveProcessTable, ended: (key: string) => void) {
    this.#processes = processes;
    this.#ended = ended;
  }

  watch(controller: Controller): void {
    const { key } = controller;
    if (this.#watched.has(key)) return;
    const watch = watchController(controller, this.#processes, () => {
      this.#watched.delete(key);
      this.#ended(key);
    });
    this.#watched.set(key, watch);
  }

  /** It controls nothing any more. */
  forget(key: string): void {
    this.#watched.get(key)?.close();
    this.#watched.delete(key);
  }

  close(): void {
    for (const watch of this.#watched.values()) watch.close();
  }
}
