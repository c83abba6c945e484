import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { ControlScope } from "../core/procfs/options.ts";
import { readMountTable } from "../host/linux/mount-table.ts";
import { daemonSocket, TREE_OF_CONTROL } from "./daemon/socket.ts";
import { MountClient } from "./mount-client.ts";
import type { TreeClient } from "./tree-client.ts";

/** Everything that a tree is made of is loaded for one in this process alone: asking a daemon takes a third of the time. */
async function openLocalTree(): Promise<TreeClient> {
  return (await import("./local-tree.ts")).openLocalTree();
}

/** Where the tree is that a person means. */
export interface TreePlace {
  /**
   * Of a server; without it a path below a mount means that mount, and any other the tree of this host: the daemon's if
   * one runs, so that what is attached stays attached, else one in this very process.
   */
  readonly remote?: string;
  /** The TLS file of a client. */
  readonly tls?: string;
}

/**
 * The tree as a whole. `control`: to whom what is attached by the daemon belongs, this process's session or this process; it ends with
 * that. Of another server it belongs to the connection.
 */
export async function openTree({ remote, tls }: TreePlace, control: ControlScope = "session"): Promise<TreeClient> {
  if (remote === undefined) {
    if (!existsSync(daemonSocket())) return openLocalTree();
    const { connectDaemon } = await import("./daemon/client.ts");
    return (await connectDaemon(TREE_OF_CONTROL[control])) ?? openLocalTree();
  }
  const [{ connectTree }, { parseAddress }] = await Promise.all([
    import("./connect.ts"),
    import("../host/serve/address.ts"),
  ]);
  const address = parseAddress(remote);
  if (address.kind !== "tls" || tls === undefined) return connectTree(address);
  const { readTlsClient } = await import("./tls-files.ts");
  return connectTree(address, readTlsClient(tls));
}

/** The tree that `path` is in, and what the path is there. */
export async function openTreeAt(
  path: string,
  place: TreePlace = {},
  control: ControlScope = "session",
): Promise<{ readonly client: TreeClient; readonly path: string }> {
  if (place.remote === undefined) {
    const absolute = resolve(path);
    const mount = readMountTable().find(
      ({ dir, type }) => type === "fuse.lyonnais" && (absolute === dir || absolute.startsWith(`${dir}/`)),
    );
    if (mount) return { client: new MountClient(mount.dir), path: absolute.slice(mount.dir.length) };
  }
  return { client: await openTree(place, control), path };
}
