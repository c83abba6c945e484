import { Errno, isErrno } from "../../core/base/errno.ts";
import { fromUtf8, utf8 } from "../../core/base/text.ts";
import { connectTree } from "../connect.ts";
import { readAll, type TreeClient } from "../tree-client.ts";
import { DAEMON_TREE } from "./control-fs.ts";
import { type DiskLine, parseDiskLines } from "./disk-words.ts";
import { daemonSocket } from "./socket.ts";

/** A tree of this user's daemon, that of the processes by default; undefined when none runs. */
export async function connectDaemon(aname = ""): Promise<TreeClient | undefined> {
  try {
    return await connectTree({ kind: "unix", path: daemonSocket() }, undefined, aname);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ECONNREFUSED", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Does something with the daemon's own tree; why it failed is told in the daemon's own words. */
async function explained<T>(client: TreeClient, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isErrno(error)) throw error;
    const reason = fromUtf8(await client.read("error", 0, 8192).catch(() => new Uint8Array(0)));
    throw reason === "" ? error : new Errno(error.code, reason, error);
  }
}

function tell(client: TreeClient, word: string): Promise<number> {
  return explained(client, () => client.write("ctl", utf8(word)));
}

/** Starts the daemon by `start` when none runs. undefined when it could not be started: it has said why itself. */
async function withDaemon<T>(
  start: () => Promise<void>,
  act: (client: TreeClient) => Promise<T>,
): Promise<T | undefined> {
  let client = await connectDaemon(DAEMON_TREE);
  if (!client) {
    await start();
    client = await connectDaemon(DAEMON_TREE);
  }
  if (!client) return undefined;
  try {
    return await act(client);
  } finally {
    await client.close();
  }
}

/**
 * Tells the daemon, whose pid `word` is given, a word of its `ctl`; starts it by `start` when none runs. Its answer; undefined
 * when it could not be started: it has said why itself.
 */
export function askDaemon(word: (daemon: number) => string, start: () => Promise<void>): Promise<string | undefined> {
  return withDaemon(start, async (client) => {
    const daemon = Number(fromUtf8(await client.read("pid", 0, 64)));
    await tell(client, word(daemon));
    return fromUtf8(await client.read("answer", 0, 8192)).trimEnd();
  });
}

/** The memory disks. undefined: {@link askDaemon}. */
export function listDisks(start: () => Promise<void>): Promise<DiskLine[] | undefined> {
  return withDaemon(start, async (client) => {
    let text = "";
    await explained(client, () =>
      readAll(client, "disks", (bytes) => {
        text += fromUtf8(bytes);
      }),
    );
    return parseDiskLines(text);
  });
}

/** Tells the daemon a word that has no answer. False: it could not be started. */
export async function tellDaemon(word: string, start: () => Promise<void>): Promise<boolean> {
  return (await withDaemon(start, (client) => tell(client, word))) !== undefined;
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
  const client = await connectDaemon(DAEMON_TREE);
  if (!client) return "none";
  try {
    await tell(client, force ? "stop force" : "stop");
    if (fromUtf8(await client.read("answer", 0, 64)).startsWith("lifted")) return "lifted";
    // It answers no more: the connection ends with the daemon.
    for (;;) await client.stat("mounts");
  } catch (error) {
    if (!isErrno(error, "EIO")) throw error;
    return "ended";
  } finally {
    await client.close();
  }
}
