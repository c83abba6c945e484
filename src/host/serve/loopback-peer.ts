import { readFileSync } from "node:fs";
import type { Socket } from "node:net";

const ESTABLISHED = "01";

/** The columns of /proc/net/tcp: proc(5). */
const LOCAL = 1;
const REMOTE = 2;
const STATE = 3;
const UID = 7;

const portOf = (address: string | undefined): number => Number.parseInt(address?.split(":")[1] ?? "", 16);

/**
 * The uid whose process is at the other end of a TCP connection within this host, as the kernel's table has it; undefined where that
 * does not tell, as of a connection from another network namespace.
 */
export function loopbackPeerUid({ localPort, remotePort, remoteFamily }: Socket): number | undefined {
  const table = readFileSync(remoteFamily === "IPv6" ? "/proc/net/tcp6" : "/proc/net/tcp", "latin1");
  const found = table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .find(
      (fields) =>
        fields[STATE] === ESTABLISHED && portOf(fields[LOCAL]) === remotePort && portOf(fields[REMOTE]) === localPort,
    );
  return found && Number(found[UID]);
}
