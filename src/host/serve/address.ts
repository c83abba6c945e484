import { isIP } from "node:net";
import { Errno } from "../../core/base/errno.ts";

/** Where 9P is spoken. */
export type Address =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp" | "tls"; readonly host: string; readonly port: number };

/** IANA's 564 is for root alone. */
const DEFAULT_PORT = 5640;

/**
 * Reads `unix:PATH`, `tcp:HOST[:PORT]`, `tls:HOST[:PORT]` or `HOST[:PORT]`, which is TLS unless it is this host; an IPv6
 * address stands in brackets. EINVAL.
 */
export function parseAddress(text: string): Address {
  const unix = /^unix:(.+)$/s.exec(text);
  if (unix) return { kind: "unix", path: unix[1]! };
  const network = /^(?:(tcp|tls):)?(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(network?.[4] ?? DEFAULT_PORT);
  if (!network || port > 65535) {
    throw new Errno("EINVAL", `${text} is no address: unix:PATH, tcp:HOST:PORT or tls:HOST:PORT`);
  }
  const host = network[2] ?? network[3]!;
  return { kind: (network[1] as "tcp" | "tls" | undefined) ?? (isLoopback(host) ? "tcp" : "tls"), host, port };
}

export function formatAddress(address: Address): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  const host = isIP(address.host) === 6 ? `[${address.host}]` : address.host;
  return `${address.kind}:${host}:${address.port}`;
}

/** Whether only this host can connect there. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
