import { Errno, isErrno } from "../../core/base/errno.ts";
import { fromUtf8, utf8 } from "../../core/base/text.ts";
import { connectTree } from "../connect.ts";
import type { TreeClient } from "../tree-client.ts";
import { DAEMON_TREE } from "./control-fs.ts";
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

/** Tells the daemon a word, and why it failed in the daemon's own words. */
async function tell(client: TreeClient, word: string): Promise<void> {
  try {
    await client.write("ctl", utf8(word));
  } catch (error) {
    if (!isErrno(error)) throw error;
    const reason = fromUtf8(await client.read("error", 0, 8192).catch(() => new Uint8Array(0)));
    throw reason === "" ? error : new Errno(error.code, reason, error);
  }
}

/**
 * Tells the daemon a word of its `ctl`; starts it by `start` when none runs. False when it could not be started: it has said
 * why itself.
 */
export async function tellDaemon(word: string, start: () => Promise<void>): Promise<boolean> {
  let client = await connectDaemon(DAEMON_TREE);
  if (!client) {
    await start();
    client = await connectDaemon(DAEMON_TREE);
  }
  if (!client) return false;
  try {
    await tell(client, word);
    return true;
  } finally {
    await client.close();
  }
}

/** Has the daemon mount at `dir`, a prepared mount point. False: {@link tellDaemon}. */
export function mountByDaemon(dir: string, options: string, start: () => Promise<void>): Promise<boolean> {
  return tellDaemon(`mount ${options === "" ? "-" : options} ${dir}`, start);
}

/** Ends the daemon: everything unmounted, every process let go. False when none runs. */
export async function stopDaemon(): Promise<boolean> {
  const client = await connectDaemon(DAEMON_TREE);
  if (!client) return false;
  try {
    await tell(client, "stop");
    // It answers no more: the connection ends with the daemon.
    for (;;) await client.stat("mounts");
  } catch (error) {
    if (!isErrno(error, "EIO")) throw error;
    return true;
  } finally {
    await client.close();
  }
}
