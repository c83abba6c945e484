import {
  ACK_ERROR,
  AF_NETLINK,
  EVENT_WHAT,
  eventsAddress,
  ID_RUID,
  ID_TGID,
  listenMessage,
  MOST_EVENT_BYTES,
  NETLINK_CONNECTOR,
  PROC_EVENT_NONE,
  PROC_EVENT_UID,
  SO_ATTACH_FILTER,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  uidEventsFilter,
} from "../../core/abi/process-connector.ts";
import { Errno, errnoName, isErrno } from "../../core/base/errno.ts";
import { check, lastErrno } from "./ffi/call.ts";
import { addressOf, libcBind, libcClose, libcRead, libcSetsockopt, libcSocket, libcWrite } from "./ffi/libc.ts";

/** Room for some thousand events that nobody has read; of what is queued only the kernel has memory. */
const ROOM_BYTES = 1 << 22;
/** How many are told at a time, and for how long: anybody can cause them, and others wait for this thread. */
const MOST_AT_A_TIME = 64;
const SLICE_MS = 0.25;

/** Reports processes that have changed their uid: the kernel's process connector (netlink), which only root can use. */
export class ProcessConnector {
  /** Readable when there is something to {@link read}. */
  readonly fd: number;
  readonly #message = Buffer.alloc(MOST_EVENT_BYTES);

  /** `fd` is a socket, without waiting, on which the kernel tells; it becomes the connector's. */
  constructor(fd: number) {
    this.fd = fd;
  }

  /** EPERM but for root; EOPNOTSUPP where the kernel has no connector or tells nothing, as in a container. */
  static open(): ProcessConnector {
    const type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const fd = libcSocket(AF_NETLINK, type, NETLINK_CONNECTOR);
    if (fd < 0) throw unsupported(lastErrno("process connector"));
    try {
      const connector = new ProcessConnector(fd);
      connector.#listen();
      return connector;
    } catch (error) {
      libcClose(fd);
      throw isErrno(error, "EPERM")
        ? new Errno("EPERM", "only root hears of all processes", error)
        : unsupported(error);
    }
  }

  #listen(): void {
    const { fd } = this;
    attachFilter(fd);
    const room = Buffer.alloc(4);
    room.writeInt32LE(ROOM_BYTES);
    // Beyond what anybody may have; root of a container may not, and gets that much.
    if (libcSetsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, room, 4) < 0)
      check(libcSetsockopt(fd, SOL_SOCKET, SO_RCVBUF, room, 4), "room for events");
    const address = eventsAddress();
    check(libcBind(fd, address, address.length), "process connector");
    const asks = listenMessage();
    check(libcWrite(fd, asks, asks.length), "process connector");
    // The kernel has answered when the call returns.
    for (;;) {
      const what = this.#next();
      if (what === undefined) throw new Errno("EOPNOTSUPP", "it does not answer");
      if (what !== PROC_EVENT_NONE) continue;
      const error = this.#message.readUInt32LE(ACK_ERROR);
      if (error !== 0) throw new Errno(errnoName(error), "process connector");
      return;
    }
  }

  /** What happened; undefined: nothing any more. ENOBUFS is nothing that is thrown: see {@link read}. */
  #next(): number | undefined {
    const count = libcRead(this.fd, this.#message, MOST_EVENT_BYTES);
    if (count >= ID_RUID + 4) return this.#message.readUInt32LE(EVENT_WHAT);
    if (count >= 0) return PROC_EVENT_UID + 1;
    const error = lastErrno("process connector");
    if (error.code === "EAGAIN" || error.code === "EINTR") return undefined;
    throw error;
  }

  /**
   * Tells some of what there is to be read, the real uid with each process; one may be told twice. {@link fd} stays readable while there
   * is more. False: some of it is lost.
   */
  read(changed: (pid: number, uid: number) => void): boolean {
    const end = performance.now() + SLICE_MS;
    for (let told = 0; told < MOST_AT_A_TIME; told++) {
      let what: number | undefined;
      try {
        what = this.#next();
      } catch {
        // ENOBUFS, whatever it is called here: there was no room for it.
        return false;
      }
      if (what === undefined) return true;
      if (what === PROC_EVENT_UID) changed(this.#message.readUInt32LE(ID_TGID), this.#message.readUInt32LE(ID_RUID));
      if (performance.now() >= end) return true;
    }
    return true;
  }

  /** Once: by then the descriptor may be another's. */
  close(): void {
    libcClose(this.fd);
  }
}

function attachFilter(fd: number): void {
  const filter = Buffer.from(uidEventsFilter());
  // struct sock_fprog.
  const program = Buffer.alloc(16);
  program.writeUInt16LE(filter.length / 8, 0);
  program.writeBigUInt64LE(BigInt(addressOf(filter)), 8);
  check(libcSetsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, program.length), "filter of events");
}

function unsupported(error: unknown): Errno {
  const reason = error instanceof Errno ? error.message : String(error);
  return new Errno("EOPNOTSUPP", `the kernel's process connector tells nothing here (${reason})`, error);
}
