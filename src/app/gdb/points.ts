import { Errno } from "../../core/base/errno.ts";
import type { Point, PointKind } from "../../core/rsp/requests.ts";
import type { ProcessFiles } from "./process-files.ts";

/** How the tree's `watch` says it. */
const WATCHED: Readonly<Partial<Record<PointKind, string>>> = { write: "w", read: "r", access: "rw" };

/** What a line of `breaks` says that we need: number, kind, address; then whatever else. */
const LINE = /^(\d+) (break|watch) 0x([0-9a-f]+)\b/;

const keyOf = ({ kind, address, length }: Point): string => `${kind} ${address} ${length}`;

/** A client's breakpoints and watchpoints, as the tree's. They are told to it only before the process runs. */
export class Points {
  readonly #files: ProcessFiles;
  /** As the client wants it. */
  readonly #wanted = new Map<string, Point>();
  /** As the tree has it: its number of each. */
  readonly #set = new Map<string, { readonly number: number; readonly point: Point }>();
  #isKnown: boolean | undefined;

  constructor(files: ProcessFiles) {
    this.#files = files;
  }

  /** Whether this tree has breakpoints at all. */
  async areKnown(): Promise<boolean> {
    if (this.#isKnown === undefined) {
      const names = await this.#files.list("");
      this.#isKnown = names.includes("breaks");
    }
    return this.#isKnown;
  }

  add(point: Point): void {
    this.#wanted.set(keyOf(point), point);
  }

  remove(point: Point): void {
    this.#wanted.delete(keyOf(point));
  }

  /** The program is another one: nothing is left of them. */
  forget(): void {
    this.#wanted.clear();
    this.#set.clear();
  }

  /** The point of that number of the tree's. */
  byNumber(number: number): Point | undefined {
    for (const set of this.#set.values()) if (set.number === number) return set.point;
    return undefined;
  }

  /** Has the tree set what the client wants, and nothing else of it. The tree's errors: no room for a watchpoint, no such memory. */
  async settle(): Promise<void> {
    for (const [key, { number }] of this.#set) {
      if (this.#wanted.has(key)) continue;
      await this.#files.tell(`clear ${number}`);
      this.#set.delete(key);
    }
    for (const [key, point] of this.#wanted) {
      if (!this.#set.has(key)) this.#set.set(key, { number: await this.#begin(point), point });
    }
  }

  /** The tree's number of a new one. */
  async #begin(point: Point): Promise<number> {
    const before = await this.#numbers();
    const address = `0x${point.address.toString(16)}`;
    const how = WATCHED[point.kind];
    try {
      await this.#files.tell(how === undefined ? `break ${address}` : `watch ${address} ${point.length} ${how}`);
    } catch (error) {
      this.#wanted.delete(keyOf(point));
      throw error;
    }
    const added = (await this.#numbers()).find((number) => !before.includes(number));
    if (added === undefined) throw new Errno("EPROTO", `breaks does not show ${address}, which was set`);
    return added;
  }

  async #numbers(): Promise<readonly number[]> {
    const text = await this.#files.text("breaks");
    return text.split("\n").flatMap((line) => {
      const match = LINE.exec(line);
      return match ? [Number(match[1])] : [];
    });
  }
}
