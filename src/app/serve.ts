import { Errno } from "../core/base/errno.ts";
import type { ProcfsOptions } from "../core/procfs/options.ts";
import { formatAddress, parseAddress } from "../host/serve/address.ts";
import { listenNinep, type TlsIdentity } from "../host/serve/ninep-listen.ts";
import type { LiveHost } from "./compose.ts";
import { QUOTAS } from "./daemon/quotas.ts";

export interface Served {
  /** As clients write it. */
  readonly address: string;
  close(): Promise<void>;
}

/** Serves the process file system of `host` to other programs and hosts. Errors: `parseAddress`, `listenNinep`. */
export async function serveProcfs(
  host: LiveHost,
  address: string,
  options: ProcfsOptions,
  tls: TlsIdentity | undefined,
  onBug: (error: unknown) => void,
): Promise<Served> {
  const fs = host.fileSystem({ ...options, executable: "contents" });
  const listening = await listenNinep(parseAddress(address), {
    control: "connection",
    connectionsPerUid: QUOTAS.connections,
    attach: (aname) => {
      if (aname === "" || aname === "/") return fs;
      throw new Errno("ENOENT", `there is no tree ${aname}`);
    },
    onBug,
    turns: host.turns,
    ...(tls ? { tls } : {}),
  });
  return { address: formatAddress(listening.address), close: listening.close };
}
