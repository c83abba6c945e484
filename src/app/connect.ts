import { once } from "node:events";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ERRNO, Errno, type ErrnoName } from "../core/base/errno.ts";
import type { Caller } from "../core/vfs/caller.ts";
import { type Address, formatAddress } from "../host/serve/address.ts";
import { peerOf } from "../host/serve/peer.ts";
import { NinepTreeClient } from "./ninep-client.ts";
import type { TlsClient } from "./tls-files.ts";

function open(address: Address, tls: TlsClient | undefined): Socket {
  if (address.kind === "unix") return connect(address.path);
  const { host, port } = address;
  if (address.kind === "tcp") return connect({ host, port });
  if (!tls) throw new Errno("EINVAL", "TLS needs a certificate to show: --tls FILE");
  const { cert, key, ca, servername = isIP(host) ? "" : host } = tls;
  return connectTls({ host, port, cert, key, ca, servername, minVersion: "TLSv1.2" });
}

/**
 * A client of the tree served at `address`, `aname` of it. `accept` is told whose a server on a unix socket is before anything is
 * said to it, and throws to refuse it. ECONNREFUSED, ENOENT, EACCES; EIO for what TLS finds.
 */
export async function connectTree(
  address: Address,
  tls?: TlsClient,
  aname = "",
  accept?: (server: Caller) => void,
): Promise<NinepTreeClient> {
  const socket = open(address, tls);
  try {
    await once(socket, address.kind === "tls" ? "secureConnect" : "connect");
  } catch (error) {
    socket.destroy();
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new Errno(code in ERRNO ? (code as ErrnoName) : "EIO", `${formatAddress(address)}: ${message}`, error);
  }
  try {
    accept?.(peerOf(socket));
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return NinepTreeClient.open(socket, aname);
}
