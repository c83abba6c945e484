import { latin1 } from "../../core/base/text.ts";
import { hexOfText, toHex } from "../../core/rsp/hex.ts";
import type { RequestName, Requests } from "../../core/rsp/requests.ts";
import { auxvOf } from "./executable.ts";
import { debugPointer } from "./libraries.ts";
import { readMap } from "./map-text.ts";
import type { SessionState } from "./session-state.ts";
import { lldbReason, signalOf, stopText } from "./stop-text.ts";
import { threadName } from "./transfers.ts";

type Answer<Name extends RequestName> = (state: SessionState, says: Requests[Name]) => string | Promise<string>;

/** One past the highest address. */
const TOP = 2n ** 64n;

async function regionInfo(state: SessionState, { address }: Requests["regionInfo"]): Promise<string> {
  if (address === undefined) return "OK";
  const regions = await readMap(state.target.files);
  const region = regions.find(({ start, end }) => address >= start && address < end);
  if (region) {
    const { start, end, rights, path } = region;
    const name = path === undefined ? "" : `name:${hexOfText(path)};`;
    return `start:${start.toString(16)};size:${(end - start).toString(16)};permissions:${rights.replaceAll("-", "")};${name}`;
  }
  // What is between two regions is one without rights.
  const start = regions.reduce((before, { end }) => (end <= address ? Math.max(before, end) : before), 0);
  const next = regions.find((candidate) => candidate.start > address);
  const end = next ? BigInt(next.start) : TOP;
  return `start:${start.toString(16)};size:${(end - BigInt(start)).toString(16)};`;
}

/** status of procfs(5): the fields of a process. */
async function processInfo({ target }: SessionState): Promise<string> {
  const fields = (await target.files.text("status")).trimEnd().split(" ");
  const [ppid = "0"] = fields.slice(2);
  const euid = Number(fields.at(14) ?? 0);
  const egid = Number(fields.at(15)?.split(",", 1)[0] ?? 0);
  const { triple } = target.processor.layout;
  return [
    `pid:${target.pid.toString(16)}`,
    `parent-pid:${Number(ppid).toString(16)}`,
    `real-uid:${euid.toString(16)}`,
    `real-gid:${egid.toString(16)}`,
    `effective-uid:${euid.toString(16)}`,
    `effective-gid:${egid.toString(16)}`,
    `triple:${hexOfText(triple)}`,
    "ostype:linux",
    "endian:little",
    "ptrsize:8",
    "",
  ].join(";");
}

/** A thread for lldb's list of all: why it stands, and its registers that are wanted at once. */
async function threadInfo(state: SessionState, tid: number): Promise<object> {
  const { target } = state;
  const { stop, registers, processor } = target;
  const values = processor.layout.expedited.map(async (name) => {
    const number = registers.numberOf(name);
    return [String(number), toHex(await registers.value(tid, registers.find(number)))] as const;
  });
  const own = stop.tid === tid;
  const name = await threadName(target, tid);
  return {
    tid,
    ...(name === "" ? {} : { name }),
    ...(own ? { reason: lldbReason(stop), signal: signalOf(stop, target.isInterrupted) } : { signal: 0 }),
    registers: Object.fromEntries(await Promise.all(values)),
  };
}

async function threadsInfo(state: SessionState): Promise<string> {
  const threads = await state.target.threads();
  return JSON.stringify(await Promise.all(threads.map((tid) => threadInfo(state, tid))));
}

const agree =
  (note: (state: SessionState) => void): ((state: SessionState) => string) =>
  (state) => {
    note(state);
    return "OK";
  };

/** What lldb asks, and gdb does not. */
export const LLDB_HANDLERS: {
  readonly hostInfo: Answer<"hostInfo">;
  readonly processInfo: Answer<"processInfo">;
  readonly regionInfo: Answer<"regionInfo">;
  readonly threadStop: Answer<"threadStop">;
  readonly threadsInfo: Answer<"threadsInfo">;
  readonly threadSuffix: Answer<"threadSuffix">;
  readonly listThreads: Answer<"listThreads">;
  readonly textErrors: Answer<"textErrors">;
  readonly loaderInfo: Answer<"loaderInfo">;
} = {
  hostInfo: ({ target }) =>
    `triple:${toHex(latin1(target.processor.layout.triple))};ptrsize:8;endian:little;ostype:linux;`,
  processInfo,
  regionInfo,
  threadStop: async (state, { thread }) => {
    const { target } = state;
    if (typeof thread.tid !== "number" || thread.tid === target.stop.tid) return stopText(state, target);
    return (await target.threads()).includes(thread.tid) ? `T00thread:${thread.tid.toString(16)};` : "E03";
  },
  threadsInfo,
  threadSuffix: agree((state) => {
    state.hostSignals = true;
  }),
  listThreads: agree((state) => {
    state.listsThreads = true;
  }),
  textErrors: agree((state) => {
    state.textErrors = true;
  }),
  loaderInfo: async ({ target: { files } }) => {
    const pointer = await debugPointer(await auxvOf(files), (address, length) => files.read("mem", address, length));
    return pointer === undefined ? "E02" : pointer.toString(16);
  },
};
