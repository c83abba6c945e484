import { readFileSync } from "node:fs";
import { isIPv4, isIPv6 } from "node:net";

const ESTABLISHED = "01";

/** The columns of /proc/net/tcp: proc(5). */
const LOCAL = 1;
const REMOTE = 2;
const STATE = 3;
const UID = 7;
const INODE = 9;

const TABLES = ["/proc/net/tcp", "/proc/net/tcp6"] as const;
const MAPPED = "::ffff:";

/** The ends of a connection, as {@link import("node:net").Socket} has them. */
export interface Ends {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** 16-bit groups of an IPv6 address without a zone. */
function groupsOf(address: string): number[] {
  const part = (text: string): number[] =>
    text === ""
      ? []
      : text.split(":").flatMap((group) => {
          if (!isIPv4(group)) return [Number.parseInt(group, 16)];
          const [a, b, c, d] = group.split(".").map(Number) as [number, number, number, number];
          return [a * 256 + b, c * 256 + d];
        });
  const [head = "", tail] = address.split("::");
  const before = part(head);
  if (tail === undefined) return before;
  const after = part(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** Bytes as the kernel's table shows them: words of 32 bits of this machine, which is little-endian. */
function words(bytes: Buffer): string {
  return bytes.swap32().toString("hex").toUpperCase();
}

/** The notations that the tables may have an address in: that of its own family, and IPv4 mapped into IPv6. */
function notations(address: string): string[] {
  const plain = address.toLowerCase().startsWith(MAPPED) ? address.slice(MAPPED.length) : address;
  if (isIPv4(plain)) {
    return [words(Buffer.from(plain.split(".").map(Number))), ...notationOf6(`${MAPPED}${plain}`)];
  }
  return isIPv6(address) ? notationOf6(address) : [];
}

function notationOf6(address: string): string[] {
  const bytes = Buffer.alloc(16);
  for (const [i, group] of groupsOf(address).entries()) bytes.writeUInt16BE(group, 2 * i);
  return [words(bytes)];
}

function endsAs(address: string | undefined, port: number | undefined): ReadonlySet<string> {
  if (address === undefined || port === undefined) return new Set();
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  return new Set(notations(address.replace(/%.*/, "")).map((notation) => `${notation}:${hexPort}`));
}

/** As {@link loopbackPeerUid}, by the text of the kernel's tables. */
export function peerUidOf(tables: readonly string[], ends: Ends): number | undefined {
  const local = endsAs(ends.localAddress, ends.localPort);
  const remote = endsAs(ends.remoteAddress, ends.remotePort);
  const found = tables
    .flatMap((table) => table.split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(
      (fields) => fields[STATE] === ESTABLISHED && remote.has(fields[LOCAL] ?? "") && local.has(fields[REMOTE] ?? ""),
    );
  const [row] = found;
  // A row that no process has open any more says uid 0 of whomever's connection it was.
  if (!row || found.length > 1 || !(Number(row[INODE]) > 0)) return undefined;
  return Number(row[UID]);
}

/**
 * The uid whose process is at the other end of a TCP connection within this host, as the kernel's tables have it; undefined where
 * they do not tell for certain, as of a connection from another network namespace, or of one that its client has left already.
 */
export function loopbackPeerUid(ends: Ends): number | undefined {
  return peerUidOf(TABLES.map(textOf), ends);
}

/** Empty where the kernel has no such table. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
