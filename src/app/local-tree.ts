import { DEFAULT_OPTIONS } from "../core/procfs/options.ts";
import { composeLiveHost } from "./compose.ts";
import { InprocClient } from "./inproc-client.ts";
import type { TreeClient } from "./tree-client.ts";

/** The tree over this host's processes in this very process: needs no privilege and no mount. */
export function openLocalTree(): TreeClient {
  const host = composeLiveHost((error) => {
    throw error;
  });
  return new InprocClient(host.fileSystem(DEFAULT_OPTIONS), host.self, host.close, () => host.controls);
}
