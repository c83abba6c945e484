/** The thread that answers trapped calls, and does nothing else. Started by accountant.ts. */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { ERRNO, type ErrnoName, isErrno } from "../../core/base/errno.ts";
import { Parked } from "../../core/vfs/parked.ts";
import { Bell } from "../linux/bell.ts";
import { closeReserve, holdReserve, refillReserve } from "../linux/descriptor-reserve.ts";
import { Pulse } from "../linux/pulse.ts";
import { beginWorker } from "../linux/worker-loaded.ts";
import { Bookkeeper } from "./bookkeeper.ts";
import type { Message, Report, ThreadData } from "./requests.ts";

/** How often Node's own event loop gets a turn, in which V8 does tasks that it has put off. */
const BREATH_MS = 250;

/** How many descriptors are reserved for this thread, whatever the rest of the process has open. */
const RESERVE = 16;

beginWorker();

const data = workerData as ThreadData;
const port = parentPort!;
const bell = new Bell(data.bell);
const pulse = new Pulse(data.pulse);
const tell = (report: Report): void => port.postMessage(report);
const print = (line: string): void => tell({ kind: "print", line });

const inOneLine = (error: unknown): string =>
  String(error instanceof Error ? (error.stack ?? error.message) : error).replace(/\s*\n\s*/g, " ");

/** Code and reason of an error of a system call or a file function. Undefined for anything else, which is a defect. */
function reasonOf(error: unknown): { readonly code: ErrnoName; readonly reason: string } | undefined {
  if (isErrno(error)) return { code: error.code, reason: error.reason };
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !(code in ERRNO)) return undefined;
  return { code: code as ErrnoName, reason: message.replace(/^[A-Z]+: /, "") };
}

function fail(id: number, error: unknown): void {
  const reason = reasonOf(error);
  if (!reason) print(`lyonnais: internal error: ${inOneLine(error)}`);
  tell({ kind: "failed", id, ...(reason ?? { code: "EIO", reason: `internal error: ${error}` }) });
}

let isOver = false;

function answer({ id, method, args }: Extract<Message, { id: number }>): void {
  const done = (value: unknown): void => tell({ kind: "done", id, value });
  try {
    const act = bookkeeper[method] as (...args: readonly unknown[]) => unknown;
    const outcome = act.apply(bookkeeper, args as unknown[]);
    if (outcome instanceof Parked) outcome.listen({ settled: done, failed: (error) => fail(id, error) });
    else done(outcome);
  } catch (error) {
    fail(id, error);
  }
}

function messages(): void {
  bell.silence();
  for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) {
    const message = next.message as Message;
    if (message === "end") isOver = true;
    else if ("reader" in message) bookkeeper.reader(message.reader);
    else answer(message);
  }
}

function begin(): Bookkeeper | undefined {
  try {
    const bookkeeper = new Bookkeeper(data, {
      print,
      ended: (number) => tell({ kind: "ended", number }),
      failed: (error, what) => print(`lyonnais: internal error: ${what}: ${inOneLine(error)}`),
      needReader: () => tell({ kind: "needReader" }),
      messages,
      pulse,
      keep: data.keepsHistory ? (block) => tell({ kind: "history", block }) : undefined,
    });
    bookkeeper.recover(data.kept);
    return bookkeeper;
  } catch (error) {
    const reason = reasonOf(error);
    if (!reason) throw error;
    tell({ kind: "failed", id: 0, ...reason });
    return undefined;
  }
}

const bookkeeper = begin()!;
if (bookkeeper) {
  holdReserve(RESERVE);
  tell({ kind: "ready" });
  let breath = 0;
  pulse.begin();
  while (!isOver) {
    if (bookkeeper.loop.turn() < breath) continue;
    refillReserve();
    await new Promise((resolve) => setImmediate(resolve));
    breath = performance.now() + BREATH_MS;
  }
  pulse.end();
  bookkeeper.close();
  closeReserve();
}
