import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { Errno } from "../../core/base/errno.ts";
import { type Address, formatAddress, isLoopback, parseAddress } from "../../host/serve/address.ts";
import { loopbackPeerUid } from "../../host/serve/loopback-peer.ts";
import { nodeErrno } from "../node-errno.ts";
import type { Debuggee } from "./debuggee.ts";
import type { Inferior } from "./inferior.ts";
import { GdbSession } from "./session.ts";

/** Where a client's bytes come from and go to. */
export interface ClientStream {
  readonly input: Readable;
  readonly output: Writable;
}

export interface GdbService {
  readonly debuggee: Debuggee;
  /** Undefined: the client says which, vAttach. */
  readonly pid: number | undefined;
  /** Ends the session. */
  readonly stop: AbortSignal;
  onBug(error: unknown): void;
  /** A client was sent away; whoever listens goes on waiting for another. Once for each uid. */
  onRefused(error: Errno): void;
}

/**
 * Takes control of the process and serves one client until it goes or the service is to stop; then the process runs on, without
 * anything of the client's in it. Errors: those of taking control.
 */
export async function debugOver({ input, output }: ClientStream, service: GdbService): Promise<void> {
  const { debuggee, pid, stop, onBug } = service;
  const inferior: Inferior | undefined = pid === undefined ? undefined : await debuggee.attach(pid, stop);
  const session = new GdbSession({
    debuggee,
    ...(inferior ? { inferior } : {}),
    send: (bytes) => void output.write(bytes),
    onBug,
  });
  const gone = new Promise<void>((resolve) => {
    for (const event of ["end", "close", "error"]) input.once(event, () => resolve());
    for (const event of ["close", "error"]) output.once(event, () => resolve());
    if (stop.aborted) resolve();
    else stop.addEventListener("abort", () => resolve(), { once: true });
  });
  input.on("data", (bytes: Uint8Array) => session.receive(bytes));
  // A socket has been held until somebody was there to listen.
  input.resume();
  // Whoever writes to a client that has gone is told by an error, which says nothing new.
  output.on("error", () => {});
  await gone;
  await session.close();
}

/** The first client of this user or root. Others, to whom the port is open as well, are sent away. Rejects when `service` is to stop. */
function firstClient(server: Server, isOpenToAll: boolean, { stop, onRefused }: GdbService): Promise<Socket> {
  const told = new Set<number | undefined>();
  return new Promise((resolve, reject) => {
    let isTaken = false;
    server.on("error", reject);
    server.on("connection", (socket: Socket) => {
      const uid = isOpenToAll && !isTaken ? loopbackPeerUid(socket) : process.geteuid!();
      if (isTaken) socket.destroy();
      else if (uid === process.geteuid!() || uid === 0) {
        isTaken = true;
        resolve(socket);
      } else {
        socket.destroy();
        if (told.has(uid)) return;
        told.add(uid);
        const who = uid ?? "unknown";
        onRefused(new Errno("EACCES", `a client of uid ${who} came: only this user and root may debug here`));
      }
    });
    if (stop.aborted) reject(stop.reason);
    else stop.addEventListener("abort", () => reject(stop.reason), { once: true });
  });
}

async function bound(server: Server, address: Address): Promise<void> {
  try {
    const mask = process.umask(0o177);
    server.listen(address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port });
    process.umask(mask);
    await once(server, "listening");
  } catch (error) {
    throw nodeErrno(error);
  }
}

/**
 * Waits at `listen`, an address as text, for one client and serves it. `ready` is told where that is. EPERM for a port that other hosts
 * could reach; a client of another user's is sent away.
 */
export async function listenGdb(listen: string, service: GdbService, ready: (address: string) => void): Promise<void> {
  const address = parseAddress(listen);
  if (address.kind === "tls" || (address.kind === "tcp" && !isLoopback(address.host)))
    throw new Errno("EPERM", `${formatAddress(address)} would let anybody in: say tcp:127.0.0.1:PORT or unix:PATH`);
  const server = createServer({ noDelay: true, pauseOnConnect: true });
  await bound(server, address);
  const where = server.address();
  ready(
    formatAddress(
      typeof where === "object" && where ? { ...address, ...where, kind: "tcp", host: where.address } : address,
    ),
  );
  try {
    const socket = await firstClient(server, address.kind === "tcp", service);
    server.close();
    try {
      await debugOver({ input: socket, output: socket }, service);
    } finally {
      socket.destroy();
    }
  } catch (error) {
    if ((error as Error).name !== "AbortError") throw error;
  } finally {
    server.close();
  }
}
