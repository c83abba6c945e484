import { Errno, isErrno } from "../../core/base/errno.ts";
import { fromUtf8, utf8 } from "../../core/base/text.ts";
import type { Caller } from "../../core/vfs/caller.ts";
import { connectTree } from "../connect.ts";
import type { NinepTreeClient } from "../ninep-client.ts";
import { readAll, type TreeClient } from "../tree-client.ts";
import { type DiskLine, parseDiskLines } from "./disk-words.ts";
import { DAEMON_TREE, daemonSocket, isOwnRuntimeDir } from "./socket.ts";

/** A connection to this user's daemon. */
interface DaemonConnection {
  readonly tree: NinepTreeClient;
  /** The daemon's process id, as the kernel has it. */
  readonly pid: number;
}

/**
 * Connects to the tree `aname` of this user's daemon; undefined when none runs. EPERM, before anything is said to it, when what
 * listens there is neither this user's nor root's, or its directory is not this user's alone.
 */
async function connect(aname: string): Promise<DaemonConnection | undefined> {
  const path = daemonSocket();
  if (!isOwnRuntimeDir(path)) return undefined;
  let pid = 0;
  const refuseStrangers = ({ uid, tid }: Caller): void => {
    if (uid !== process.geteuid!() && uid !== 0) {
      throw new Errno("EPERM", `what listens on ${path} belongs to uid ${uid} and is not your daemon; remove it`);
    }
    pid = tid;
  };
  try {
    const tree = await connectTree({ kind: "unix", path }, undefined, aname, refuseStrangers);
    return { tree, pid };
  } catch (error) {
    if (isErrno(error, "ENOENT", "ECONNREFUSED", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** A tree of this user's daemon, that of the processes by default; undefined when none runs. EPERM: {@link connect}. */
export async function connectDaemon(aname = ""): Promise<TreeClient | undefined> {
  return (await connect(aname))?.tree;
}

/** Tells the daemon a word of its `ctl`. Resolves to its answer. */
async function tell({ tree }: DaemonConnection, word: string): Promise<string> {
  return fromUtf8(await tree.ask("ctl", utf8(word))).trimEnd();
}

/** Starts the daemon by `start` when none runs. undefined when it could not be started: it has said why itself. */
async function withDaemon<T>(
  start: () => Promise<void>,
  act: (daemon: DaemonConnection) => Promise<T>,
): Promise<T | undefined> {
  let daemon = await connect(DAEMON_TREE);
  if (!daemon) {
    await start();
    daemon = await connect(DAEMON_TREE);
  }
  if (!daemon) return undefined;
  try {
    return await act(daemon);
  } finally {
    await daemon.tree.close();
  }
}

/**
 * Tells the daemon, whose pid `word` is given, a word of its `ctl`; starts it by `start` when none runs. Its answer; undefined
 * when it could not be started: it has said why itself.
 */
export function askDaemon(word: (daemon: number) => string, start: () => Promise<void>): Promise<string | undefined> {
  return withDaemon(start, (daemon) => tell(daemon, word(daemon.pid)));
}

/** The process that is this user's daemon; undefined when none runs. */
export async function runningDaemon(): Promise<number | undefined> {
  const daemon = await connect(DAEMON_TREE);
  await daemon?.tree.close();
  return daemon?.pid;
}

/** The same where one is not to be started: undefined when none runs. */
export async function askRunningDaemon(word: string): Promise<string | undefined> {
  const daemon = await connect(DAEMON_TREE);
  if (!daemon) return undefined;
  try {
    return await tell(daemon, word);
  } finally {
    await daemon.tree.close();
  }
}

/** The memory disks. undefined: {@link askDaemon}. */
export function listDisks(start: () => Promise<void>): Promise<DiskLine[] | undefined> {
  return withDaemon(start, async ({ tree }) => {
    let text = "";
    await readAll(tree, "disks", (bytes) => {
      text += fromUtf8(bytes);
    });
    return parseDiskLines(text);
  });
}

/** Tells the daemon a word that has no answer. False: it could not be started. */
export async function tellDaemon(word: string, start: () => Promise<void>): Promise<boolean> {
  return (await withDaemon(start, (daemon) => tell(daemon, word))) !== undefined;
}

/** Has the daemon mount at `dir`, a prepared mount point. False: {@link tellDaemon}. */
export function mountByDaemon(dir: string, options: string, start: () => Promise<void>): Promise<boolean> {
  return tellDaemon(`mount ${options === "" ? "-" : options} ${dir}`, start);
}

/**
 * Ends the daemon: everything unmounted, every process let go. `none` runs; `lifted`: there were commands under limits, which bind no
 * more, and it goes with the last of them. EBUSY when there are and it is not to be `force`d.
 */
export async function stopDaemon(force: boolean): Promise<"none" | "lifted" | "ended"> {
  const daemon = await connect(DAEMON_TREE);
  if (!daemon) return "none";
  try {
    if ((await tell(daemon, force ? "stop force" : "stop")).startsWith("lifted")) return "lifted";
    // It answers no more: the connection ends with the daemon.
    for (;;) await daemon.tree.stat("mounts");
  } catch (error) {
    if (!isErrno(error, "EIO")) throw error;
    return "ended";
  } finally {
    await daemon.tree.close();
  }
}
