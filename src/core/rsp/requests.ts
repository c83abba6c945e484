import { Errno } from "../base/errno.ts";
import { latin1 } from "../base/text.ts";
import { fromHex, hexNumber, textOfHex } from "./hex.ts";
import type { ResumeAction } from "./resume.ts";
import { parseOldResume, parseResume } from "./resume.ts";
import { parseThreadId, type ThreadId } from "./thread-id.ts";

/** Bytes of memory. */
export interface MemoryRange {
  readonly address: number;
  readonly length: number;
}

/** A thread may stand behind what is asked, where the client has said so before. */
export interface OfThread {
  readonly thread?: ThreadId;
}

export type PointKind = "software" | "hardware" | "write" | "read" | "access";

/** What stops a thread that comes there: `length` is that of the instruction or of what is watched. */
export interface Point extends MemoryRange {
  readonly kind: PointKind;
  /** It has conditions or commands, for which we have no interpreter. */
  readonly hasMore: boolean;
}

/** Every request, by its name here, and what it says. */
export interface Requests {
  features: { readonly client: readonly string[] };
  noAck: object;
  extended: object;
  why: object;
  attached: object;
  readRegisters: OfThread;
  writeRegisters: OfThread & { readonly data: Uint8Array };
  readRegister: OfThread & { readonly number: number };
  writeRegister: OfThread & { readonly number: number; readonly data: Uint8Array };
  readMemory: MemoryRange;
  readBinary: MemoryRange;
  writeMemory: { readonly address: number; readonly data: Uint8Array };
  insert: Point;
  remove: Point;
  resumeActions: object;
  resume: { readonly actions: readonly ResumeAction[]; readonly old: boolean };
  choose: { readonly forWhat: "g" | "c"; readonly thread: ThreadId };
  isAlive: { readonly thread: ThreadId };
  firstThreads: object;
  moreThreads: object;
  currentThread: object;
  threadName: { readonly thread: ThreadId };
  transfer: { readonly object: string; readonly annex: string; readonly offset: number; readonly length: number };
  passSignals: { readonly signals: readonly number[] };
  detach: object;
  kill: object;
  killProcess: object;
  attach: { readonly pid: number };
  file: { readonly operation: string; readonly args: readonly string[] };
  monitor: { readonly text: string };
  hostInfo: object;
  processInfo: object;
  regionInfo: { readonly address: number | undefined };
  threadStop: { readonly thread: ThreadId };
  threadsInfo: object;
  threadSuffix: object;
  listThreads: object;
  textErrors: object;
  loaderInfo: object;
}

export type RequestName = keyof Requests;

/** How a request begins, what follows it, and what the server says of it among its features. */
interface Row<T> {
  readonly begins: string;
  /** Nothing may follow. */
  readonly alone?: true;
  /** `rest` is what follows. Throws Errno EINVAL. */
  read(rest: string, begins: string): T;
  readonly feature?: string;
}

const nothing = (): object => ({});

/** `;thread:ID;` at the end. */
function suffixed(rest: string): { readonly text: string } & OfThread {
  const [text = "", suffix] = rest.split(/;thread:/);
  return suffix === undefined ? { text } : { text, thread: parseThreadId(suffix.replace(/;$/, "")) };
}

function range(text: string): MemoryRange {
  const [address = "", length = "", ...rest] = text.split(",");
  if (rest.length > 0) throw new Errno("EINVAL", "memory is an address and a length");
  return { address: hexNumber(address), length: hexNumber(length) };
}

/** What stands before and behind the first `mark`. EINVAL. */
function halves(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Errno("EINVAL", `a ${mark} is missing`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}

function written(rest: string, decode: (text: string) => Uint8Array): Requests["writeMemory"] {
  const [where, data] = halves(rest, ":");
  const { address, length } = range(where);
  const bytes = decode(data);
  if (bytes.length !== length) throw new Errno("EINVAL", `${bytes.length} bytes, and ${length} were announced`);
  return { address, data: bytes };
}

const POINT_KINDS: readonly PointKind[] = ["software", "hardware", "write", "read", "access"];

function point(rest: string): Point {
  const [where = "", ...more] = rest.split(";");
  const [kind, text] = halves(where, ",");
  const known = POINT_KINDS[hexNumber(kind)];
  if (!known) throw new Errno("EOPNOTSUPP", `there is no breakpoint of kind ${kind}`);
  return { kind: known, ...range(text), hasMore: more.some((part) => part !== "") };
}

function registerValue(rest: string): Requests["writeRegister"] {
  const { text, ...of } = suffixed(rest);
  const [number, value] = halves(text, "=");
  return { number: hexNumber(number), data: fromHex(value), ...of };
}

function transfer(rest: string): Requests["transfer"] {
  const [object = "", operation = "", ...parts] = rest.split(":");
  if (operation !== "read" || parts.length < 2) throw new Errno("EOPNOTSUPP", `${object} is not for that`);
  const { address: offset, length } = range(parts.at(-1)!);
  return { object, annex: parts.slice(0, -1).join(":"), offset, length };
}

function file(rest: string): Requests["file"] {
  const [operation, args] = halves(rest, ":");
  return { operation, args: args.split(",") };
}

/** THE list of requests. Where one begins as another does, the longer one is meant. */
export const REQUESTS: { readonly [Name in RequestName]: Row<Requests[Name]> } = {
  features: { begins: "qSupported", read: (rest) => ({ client: rest.replace(/^:/, "").split(";") }) },
  noAck: { begins: "QStartNoAckMode", alone: true, read: nothing, feature: "QStartNoAckMode+" },
  extended: { begins: "!", alone: true, read: nothing },
  why: { begins: "?", alone: true, read: nothing },
  attached: { begins: "qAttached", read: nothing },
  readRegisters: { begins: "g", read: (rest) => suffixed(rest) },
  writeRegisters: {
    begins: "G",
    read: (rest) => {
      const { text, ...of } = suffixed(rest);
      return { data: fromHex(text), ...of };
    },
  },
  readRegister: {
    begins: "p",
    read: (rest) => {
      const { text, ...of } = suffixed(rest);
      return { number: hexNumber(text), ...of };
    },
  },
  writeRegister: { begins: "P", read: registerValue },
  readMemory: { begins: "m", read: range },
  readBinary: { begins: "x", read: range },
  writeMemory: { begins: "M", read: (rest) => written(rest, fromHex) },
  insert: { begins: "Z", read: point },
  remove: { begins: "z", read: point },
  resumeActions: { begins: "vCont?", alone: true, read: nothing, feature: "vContSupported+" },
  resume: { begins: "vCont;", read: (rest) => ({ actions: parseResume(rest), old: false }) },
  choose: {
    begins: "H",
    read: (rest) => {
      const forWhat = rest.slice(0, 1);
      if (forWhat !== "g" && forWhat !== "c") throw new Errno("EINVAL", "H is for g or c");
      return { forWhat, thread: parseThreadId(rest.slice(1)) };
    },
  },
  isAlive: { begins: "T", read: (rest) => ({ thread: parseThreadId(rest) }) },
  firstThreads: { begins: "qfThreadInfo", alone: true, read: nothing },
  moreThreads: { begins: "qsThreadInfo", alone: true, read: nothing },
  currentThread: { begins: "qC", alone: true, read: nothing },
  threadName: { begins: "qThreadExtraInfo,", read: (rest) => ({ thread: parseThreadId(rest) }) },
  transfer: { begins: "qXfer:", read: transfer },
  passSignals: {
    begins: "QPassSignals:",
    read: (rest) => ({
      signals: rest
        .split(";")
        .filter((text) => text !== "")
        .map(hexNumber),
    }),
    feature: "QPassSignals+",
  },
  detach: { begins: "D", read: nothing },
  kill: { begins: "k", alone: true, read: nothing },
  killProcess: { begins: "vKill", read: nothing },
  attach: { begins: "vAttach;", read: (rest) => ({ pid: hexNumber(rest) }) },
  file: { begins: "vFile:", read: file },
  monitor: { begins: "qRcmd,", read: (rest) => ({ text: textOfHex(rest) }) },
  hostInfo: { begins: "qHostInfo", alone: true, read: nothing },
  processInfo: { begins: "qProcessInfo", alone: true, read: nothing },
  regionInfo: {
    begins: "qMemoryRegionInfo",
    read: (rest) => ({ address: rest === "" ? undefined : hexNumber(rest.replace(/^:/, "")) }),
  },
  threadStop: { begins: "qThreadStopInfo", read: (rest) => ({ thread: parseThreadId(rest) }) },
  threadsInfo: { begins: "jThreadsInfo", alone: true, read: nothing },
  threadSuffix: { begins: "QThreadSuffixSupported", alone: true, read: nothing },
  listThreads: { begins: "QListThreadsInStopReply", alone: true, read: nothing },
  textErrors: { begins: "QEnableErrorStrings", alone: true, read: nothing },
  loaderInfo: { begins: "qShlibInfoAddr", alone: true, read: nothing },
};

/** Other ways to say the same. */
const OTHER_WAYS: readonly (readonly [begins: string, name: RequestName, read: Row<object>["read"]])[] = [
  ["X", "writeMemory", (rest) => written(rest, latin1)],
  ...["c", "s", "C", "S"].map(
    (letter) => [letter, "resume", (rest: string) => ({ actions: parseOldResume(letter + rest), old: true })] as const,
  ),
];

interface Way {
  readonly begins: string;
  readonly alone: boolean;
  readonly name: RequestName;
  read(rest: string, begins: string): object;
}

/** By their first character, the longest first. */
const WAYS: ReadonlyMap<string, readonly Way[]> = waysByLetter();

function waysByLetter(): ReadonlyMap<string, readonly Way[]> {
  const rows = (Object.entries(REQUESTS) as [RequestName, Row<object>][]).map(([name, { begins, alone, read }]) => ({
    name,
    begins,
    alone: alone === true,
    read,
  }));
  const others = OTHER_WAYS.map(([begins, name, read]) => ({ name, begins, alone: false, read }));
  const ways = new Map<string, Way[]>();
  for (const way of [...rows, ...others].sort((a, b) => b.begins.length - a.begins.length)) {
    const letter = way.begins[0]!;
    ways.set(letter, [...(ways.get(letter) ?? []), way]);
  }
  return ways;
}

/** A request and what it says. */
export type Request = {
  readonly [Name in RequestName]: { readonly name: Name; readonly says: Requests[Name] };
}[RequestName];

/** The features that the list announces. */
export const FEATURES: readonly string[] = Object.values(REQUESTS).flatMap(({ feature }) => feature ?? []);

/** Undefined for a request that is not known here, which is answered by nothing. EINVAL for one that is malformed. */
export function parseRequest(body: string): Request | undefined {
  for (const { begins, alone, name, read } of WAYS.get(body[0] ?? "") ?? []) {
    if (alone ? body === begins : body.startsWith(begins)) {
      return { name, says: read(body.slice(begins.length), begins) } as Request;
    }
  }
  return undefined;
}
