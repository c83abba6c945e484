import { isErrno } from "../../core/base/errno.ts";
import { fromLatin1 } from "../../core/base/text.ts";
import { toHex } from "../../core/rsp/hex.ts";
import { FEATURES, type PointKind, type RequestName, type Requests } from "../../core/rsp/requests.ts";
import { formatThreadId } from "../../core/rsp/thread-id.ts";
import { LLDB_HANDLERS } from "./lldb-handlers.ts";
import { resume } from "./resuming.ts";
import type { SessionState } from "./session-state.ts";
import { stopText } from "./stop-text.ts";
import { TRANSFERS, threadName } from "./transfers.ts";

/** Bytes of a packet, as it is sent. */
export const PACKET_SIZE = 0x10000;
/** Bytes of memory that one answer has at most: each is two digits. */
const MOST_MEMORY = (PACKET_SIZE - 16) / 2;

/** The answer to a request, one character a byte: empty for what is not supported. Throws Errno. */
export type Handler<Name extends RequestName> = (state: SessionState, says: Requests[Name]) => string | Promise<string>;

/** Memory from `address` on, as much as there is; EFAULT where there is none. */
async function memory({ target }: SessionState, address: number, length: number): Promise<Uint8Array> {
  return length === 0 ? new Uint8Array(0) : target.files.read("mem", address, Math.min(length, MOST_MEMORY));
}

async function features(state: SessionState, { client }: Requests["features"]): Promise<string> {
  state.withPid = client.includes("multiprocess+");
  state.followsExec = client.includes("exec-events+");
  const hasPoints = state.inferior ? await state.inferior.points.areKnown() : true;
  state.wantsBreaks = hasPoints && client.includes("swbreak+");
  return [
    `PacketSize=${PACKET_SIZE.toString(16)}`,
    ...FEATURES,
    ...Object.keys(TRANSFERS).map((object) => `qXfer:${object}:read+`),
    ...(state.withPid ? ["multiprocess+"] : []),
    ...(state.followsExec ? ["exec-events+"] : []),
    ...(state.wantsBreaks ? ["swbreak+", "hwbreak+"] : []),
  ].join(";");
}

const BREAKS: ReadonlySet<PointKind> = new Set(["software", "hardware"]);

/** What the tree has not is answered by nothing: the client then does it itself, or without. */
async function insert({ target: { points } }: SessionState, says: Requests["insert"]): Promise<string> {
  if (!(await points.areKnown())) return "";
  try {
    await points.add(says);
    return "OK";
  } catch (error) {
    // A single breakpoint that cannot be set is no reason to write traps from then on, and take them for ours.
    if (!BREAKS.has(says.kind) && isErrno(error, "EOPNOTSUPP")) return "";
    throw error;
  }
}

async function remove({ target: { points } }: SessionState, says: Requests["remove"]): Promise<string> {
  if (!(await points.areKnown())) return "";
  points.remove(says);
  return "OK";
}

async function detach(state: SessionState): Promise<string> {
  const inferior = state.inferior;
  state.inferior = undefined;
  await inferior?.detach();
  return "OK";
}

async function kill(state: SessionState): Promise<string> {
  const inferior = state.inferior;
  state.inferior = undefined;
  await inferior?.kill();
  await inferior?.detach();
  return "OK";
}

async function allRegisters(state: SessionState, { thread }: Requests["readRegisters"]): Promise<string> {
  return (await state.target.registers.all(state.threadOf(thread))).map(toHex).join("");
}

/** Whether there is such a thread, in the process that is meant. */
async function isAlive(state: SessionState, { thread }: Requests["isAlive"]): Promise<string> {
  const { target } = state;
  if (typeof thread.pid === "number" && thread.pid !== target.pid) return "E03";
  if (typeof thread.tid === "string") return "OK";
  return (await target.threads()).includes(thread.tid) ? "OK" : "E03";
}

async function threads(state: SessionState): Promise<string> {
  const { target, withPid } = state;
  state.threadsTold = true;
  return `m${(await target.threads()).map((tid) => formatThreadId(target.pid, tid, withPid)).join(",")}`;
}

async function monitor(state: SessionState, { text }: Requests["monitor"]): Promise<string> {
  const { files } = state.target;
  try {
    const shown = await files.text(text.trim());
    return shown === "" ? "OK" : toHex(Uint8Array.from(shown.slice(0, MOST_MEMORY), (c) => c.charCodeAt(0)));
  } catch (error) {
    if (!isErrno(error)) throw error;
    return toHex(Uint8Array.from(`${error.message}\n`, (c) => c.charCodeAt(0)));
  }
}

const changed = async (act: Promise<void>): Promise<string> => {
  await act;
  return "OK";
};

/** THE list of what is done with each request. */
export const HANDLERS: { readonly [Name in RequestName]: Handler<Name> } = {
  ...LLDB_HANDLERS,
  features,
  noAck: (state) => {
    state.noAck = true;
    return "OK";
  },
  extended: () => "OK",
  why: (state) => (state.inferior && !state.inferior.end ? stopText(state, state.inferior) : "W00"),
  attached: () => "1",
  readRegisters: allRegisters,
  writeRegisters: (state, { thread, data }) => changed(state.target.registers.writeAll(state.threadOf(thread), data)),
  readRegister: async (state, { thread, number }) => {
    const { registers } = state.target;
    return toHex(await registers.value(state.threadOf(thread), registers.find(number)));
  },
  writeRegister: (state, { thread, number, data }) => {
    const { registers } = state.target;
    return changed(registers.write(state.threadOf(thread), registers.find(number), data));
  },
  readMemory: async (state, { address, length }) => toHex(await memory(state, address, length)),
  // Nothing at all asks whether we know the request.
  readBinary: async (state, { address, length }) =>
    length === 0 ? "OK" : fromLatin1(await memory(state, address, length)),
  writeMemory: async ({ target }, { address, data }) => {
    if (data.length === 0) return "OK";
    await target.patches.note(address, data);
    await target.files.write("mem", address, data);
    return "OK";
  },
  insert,
  remove,
  resumeActions: () => "vCont;c;C;s;S;t;r",
  resume,
  choose: (state, { forWhat, thread }) => {
    if (forWhat === "g") state.chosen = typeof thread.tid === "number" ? thread.tid : undefined;
    return "OK";
  },
  isAlive,
  firstThreads: threads,
  moreThreads: () => "l",
  currentThread: ({ target, withPid }) => `QC${formatThreadId(target.pid, target.stop.tid, withPid)}`,
  threadName: async ({ target }, { thread }) =>
    toHex(Uint8Array.from(await threadName(target, Number(thread.tid)), (c) => c.charCodeAt(0))),
  transfer: async (state, { object, offset, length }) => {
    const context = { inferior: state.target, withPid: state.withPid };
    return (await state.transfers.piece(context, object, offset, Math.min(length, PACKET_SIZE / 2))) ?? "";
  },
  passSignals: (state, { signals }) => {
    // gdb names those of all hosts.
    state.target.passed = new Set(signals.flatMap((signal) => state.knownSignal(signal) ?? []));
    return "OK";
  },
  detach,
  kill,
  killProcess: kill,
  attach: async (state, { pid }) => {
    if (state.inferior && !state.inferior.end) return "E.one process at a time: detach first";
    await state.inferior?.detach();
    state.inferior = await state.debuggee.attach(pid);
    state.chosen = undefined;
    return stopText(state, state.inferior);
  },
  file: async (state, { operation, args }) => (await state.files.answer(operation, args)) ?? "",
  monitor,
};
