import { resolve } from "node:path";
import { readMountTable } from "../host/serve/mount-table.ts";
import { composeLiveTree } from "./compose.ts";
import { InprocClient } from "./inproc-client.ts";
import { DEFAULT_LIVE_OPTIONS } from "./live-options.ts";
import { MountClient } from "./mount-client.ts";
import type { TreeClient } from "./tree-client.ts";

/** The tree over this host's processes in this very process: needs no privilege and no mount. */
export function openLocalTree(): TreeClient {
  const tree = composeLiveTree(DEFAULT_LIVE_OPTIONS, (error) => {
    throw error;
  });
  return new InprocClient(tree.fs, tree.caller, tree.close);
}

/**
 * Where a path that a person typed leads: into a running mount when it lies below one, else into the tree of this
 * process, whose root it starts from.
 */
export function openTreeAt(path: string): { readonly client: TreeClient; readonly path: string } {
  const absolute = resolve(path);
  const mount = readMountTable().find(
    ({ dir, type }) => type === "fuse.lyonnais" && (absolute === dir || absolute.startsWith(`${dir}/`)),
  );
  if (mount) return { client: new MountClient(mount.dir), path: absolute.slice(mount.dir.length) };
  return { client: openLocalTree(), path };
}
