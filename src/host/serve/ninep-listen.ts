import { once } from "node:events";
import { renameSync, rmSync, statSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { Tid } from "../../core/base/brand.ts";
import { ERRNO, Errno, type ErrnoName } from "../../core/base/errno.ts";
import type { Caller, Connection } from "../../core/vfs/caller.ts";
import type { FileSystem } from "../../core/vfs/node.ts";
import type { Turns } from "../../core/vfs/turns.ts";
import { type Address, isLoopback } from "./address.ts";
import { ConnectionQuota } from "./connection-quota.ts";
import { type NinepTimeouts, serveNinepConnection } from "./ninep-connection.ts";
import { peerOf } from "./peer.ts";

/** Whom an unauthenticated client acts as: nobody, in every Linux. */
const NOBODY = 65534;

/** Connections that may wait to be accepted: a burst of clients on a unix socket is refused beyond it. */
const BACKLOG = 4096;

/** How long a client that is one too many may take to be told so: milliseconds. */
const REFUSAL_MS = 1000;

/** A server's certificate, and who the holders of client certificates are. PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
  /** Issuers of client certificates. */
  readonly ca: string;
  /** Common name to uid and gid. */
  readonly clients: ReadonlyMap<string, { readonly uid: number; readonly gid: number }>;
}

export interface ListenOptions {
  attach(aname: string, caller: Caller): FileSystem;
  onBug(error: unknown): void;
  readonly tls?: TlsIdentity;
  /** Who controls what a client attaches: its session, which outlives the connection, or the connection. */
  readonly control: "session" | "connection";
  /** Whose request is served next; without it each is served as it comes. */
  readonly turns?: Turns;
  readonly timeouts?: NinepTimeouts;
  /** Connections that a uid other than root's may have: one more is answered EMFILE to its attach, and ended. None: no bound. */
  readonly connectionsPerUid?: number;
}

export interface Listening {
  /** With the port that was chosen, where 0 was asked for. */
  readonly address: Address;
  /** Clients that are connected. */
  readonly connections: number;
  /** Another server has put its socket in the place of ours: nobody comes any more. */
  readonly replaced: boolean;
  /** No new client finds it, where it is a socket; those that are connected go on. */
  hide(): void;
  /** Resolves when the last connection is closed, all of them by this. */
  close(): Promise<void>;
}

/** Serves 9P2000.L at `address`. EADDRINUSE, EACCES and the like; EPERM for plain TCP that other hosts could reach. */
export async function listenNinep(address: Address, options: ListenOptions): Promise<Listening> {
  const sockets = new Set<Socket>();
  const quota = new ConnectionQuota(options.connectionsPerUid ?? Number.POSITIVE_INFINITY);
  const onSocket = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    let tooMany = false;
    try {
      serveNinepConnection(socket, {
        ...options,
        identify: (connection) => {
          const caller = identify(socket, connection, address, options);
          tooMany = !quota.claim(caller.uid, socket);
          return caller;
        },
        attach: (aname, caller) => {
          if (tooMany) throw new Errno("EMFILE", `uid ${caller.uid} has too many connections`);
          return options.attach(aname, caller);
        },
      });
      if (tooMany) setTimeout(() => socket.destroy(), REFUSAL_MS).unref();
    } catch (error) {
      if (!(error instanceof Errno)) options.onBug(error);
      socket.destroy();
    }
  };
  const server = serverFor(address, options, onSocket);
  await (address.kind === "unix"
    ? bindUnix(server, address.path)
    : bind(server, { host: address.host, port: address.port }));
  const inode = address.kind === "unix" ? inodeOf(address.path) : undefined;
  const replaced = (): boolean => address.kind === "unix" && inodeOf(address.path) !== inode;
  const hide = (): void => {
    if (address.kind === "unix" && !replaced()) rmSync(address.path, { force: true });
  };
  const bound = address.kind === "unix" ? address : { ...address, port: (server.address() as AddressInfo).port };
  return {
    address: bound,
    get connections() {
      return sockets.size;
    },
    get replaced() {
      return replaced();
    },
    hide,
    close: async () => {
      hide();
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function identify(socket: Socket, connection: Connection, address: Address, { control, tls }: ListenOptions): Caller {
  if (address.kind === "unix") {
    const peer = peerOf(socket);
    return control === "session" ? peer : { ...peer, connection };
  }
  if (address.kind === "tcp") return { tid: 0 as Tid, uid: NOBODY, gid: NOBODY, connection };
  const name = (socket as TLSSocket).getPeerCertificate().subject?.CN as string | string[] | undefined;
  const known = typeof name === "string" ? tls?.clients.get(name) : undefined;
  if (!known) throw new Errno("EACCES", `the certificate of ${String(name)} stands for nobody here`);
  return { tid: 0 as Tid, uid: known.uid, gid: known.gid, fullRoot: known.uid === 0, connection };
}

function serverFor(address: Address, { tls }: ListenOptions, onSocket: (socket: Socket) => void): Server {
  if (address.kind !== "tls") {
    if (address.kind === "tcp" && !isLoopback(address.host)) {
      throw new Errno(
        "EPERM",
        `plain TCP on ${address.host} would let anybody in: use tls:${address.host}:${address.port}, or tcp:127.0.0.1`,
      );
    }
    return createServer({ allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, onSocket);
  }
  if (!tls) throw new Errno("EINVAL", "TLS needs a certificate and the list of its clients: --tls FILE");
  const { cert, key, ca } = tls;
  const settings = { cert, key, ca, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.2" } as const;
  try {
    const server = createTlsServer({ ...settings, keepAlive: true, handshakeTimeout: 10_000 });
    return server.on("secureConnection", onSocket).on("tlsClientError", (_error, socket) => socket.destroy());
  } catch (error) {
    throw new Errno("EINVAL", `the TLS files do not fit together: ${(error as Error).message}`, error);
  }
}

async function bind(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      reject(new Errno(nameOf(error.code, "EINVAL"), error.message.replace(/^listen [A-Z]+: /, ""), error));
    };
    server.once("error", failed);
    server.listen({ ...where, backlog: BACKLOG }, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

/**
 * A socket for its owner alone; EADDRINUSE where somebody listens. It is bound under a name of its own and moved: so one
 * that nobody listens on any more is replaced at once, and libuv, which removes the name that it bound, leaves this one.
 */
async function bindUnix(server: Server, path: string): Promise<void> {
  await refuseTaken(path);
  const own = `${path}.${process.pid}`;
  // libuv binds before `listen` returns, so nothing else of this process gets the mask.
  const mask = process.umask(0o177);
  try {
    await bind(server, { path: own });
  } finally {
    process.umask(mask);
  }
  try {
    renameSync(own, path);
  } catch (error) {
    server.close();
    throw new Errno("EACCES", `${path}: ${(error as Error).message}`, error);
  }
}

/** EADDRINUSE unless nothing is at `path`, or a socket that nobody listens on any more. */
async function refuseTaken(path: string): Promise<void> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    if (code !== "ECONNREFUSED") {
      throw new Errno(nameOf(code, "EIO"), `whether somebody listens on ${path}: ${message}`, error);
    }
    const there = statSync(path, { throwIfNoEntry: false });
    if (!there || there.isSocket()) return;
    throw new Errno("EADDRINUSE", `${path} is there, and is no socket that could be replaced`, error);
  } finally {
    socket.destroy();
  }
  throw new Errno("EADDRINUSE", `somebody listens on ${path} already`);
}

function nameOf(code: string | undefined, other: ErrnoName): ErrnoName {
  return code !== undefined && code in ERRNO ? (code as ErrnoName) : other;
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
