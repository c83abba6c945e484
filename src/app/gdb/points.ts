import { Errno } from "../../core/base/errno.ts";
import type { Point, PointKind } from "../../core/rsp/requests.ts";
import type { ProcessFiles } from "./process-files.ts";

/** How the tree's `watch` says it. */
const WATCHED: Readonly<Partial<Record<PointKind, string>>> = { write: "w", read: "r", access: "rw" };

/** What a line of `breaks` says that we need: number, kind, address; then whatever else. */
const LINE = /^(\d+) (break|watch) 0x([0-9a-f]+)\b/;

const keyOf = ({ kind, address, length }: Point): string => `${kind} ${address} ${length}`;

/**
 * A client's breakpoints and watchpoints, as the tree's. What is new is told to it at once, so that a mistake is; what is taken away
 * only before the process runs: clients take all of them away at each stop, and set them again.
 */
export class Points {
  readonly #files: ProcessFiles;
  readonly #unwanted = new Set<string>();
  /** What the tree has: its number of each. */
  readonly #set = new Map<string, { readonly number: number; readonly point: Point }>();
  #areKnown: Promise<boolean> | undefined;

  constructor(files: ProcessFiles) {
    this.#files = files;
  }

  /** Whether this tree has breakpoints at all. */
  areKnown(): Promise<boolean> {
    this.#areKnown ??= this.#files.list("").then((names) => names.includes("breaks"));
    return this.#areKnown;
  }

  /** The tree's errors: no room for a watchpoint, no such memory; EOPNOTSUPP for a kind that it does not have. */
  async add(point: Point): Promise<void> {
    const key = keyOf(point);
    this.#unwanted.delete(key);
    if (!this.#set.has(key)) this.#set.set(key, { number: await this.#begin(point), point });
  }

  remove(point: Point): void {
    if (this.#set.has(keyOf(point))) this.#unwanted.add(keyOf(point));
  }

  /** The program is another one: nothing is left of them. */
  forget(): void {
    this.#unwanted.clear();
    this.#set.clear();
  }

  /** The point of that number of the tree's. */
  byNumber(number: number): Point | undefined {
    for (const set of this.#set.values()) if (set.number === number) return set.point;
    return undefined;
  }

  /** Takes away what the client has taken away: to be called before the process runs. */
  async settle(): Promise<void> {
    for (const key of this.#unwanted) {
      const set = this.#set.get(key);
      this.#unwanted.delete(key);
      this.#set.delete(key);
      if (set) await this.#files.tell(`clear ${set.number}`);
    }
  }

  /** The tree's number of a new one: the highest at that address. */
  async #begin({ kind, address, length }: Point): Promise<number> {
    const where = `0x${address.toString(16)}`;
    const how = WATCHED[kind];
    await this.#files.tell(how === undefined ? `break ${where}` : `watch ${where} ${length} ${how}`);
    const text = await this.#files.text("breaks");
    const numbers = text.split("\n").flatMap((line) => {
      const match = LINE.exec(line);
      return match && Number.parseInt(match[3]!, 16) === address ? [Number(match[1])] : [];
    });
    if (numbers.length === 0) throw new Errno("EPROTO", `breaks does not show ${where}, which was set`);
    return Math.max(...numbers);
  }
}
