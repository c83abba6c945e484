/**
 * The kernel's process connector: linux/netlink.h, linux/connector.h, linux/cn_proc.h. A message is struct nlmsghdr, struct cn_msg, and
 * struct proc_event in one that tells something, or an operation in one that asks for that.
 */
export const AF_NETLINK = 16;
export const NETLINK_CONNECTOR = 11;
export const SOCK_DGRAM = 2;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

export const CN_IDX_PROC = 1;
export const CN_VAL_PROC = 1;
export const PROC_CN_MCAST_LISTEN = 1;

/** Of struct proc_event's `what`. */
export const PROC_EVENT_NONE = 0;
export const PROC_EVENT_UID = 4;

/** struct sockaddr_nl. */
export const SOCKADDR_NL_SIZE = 12;
export const SOCKADDR_NL_GROUPS = 8;

const NLMSG_DONE = 3;
export const NLMSGHDR_SIZE = 16;
export const CN_MSG_SIZE = 20;
/** Offsets in a whole message. */
export const EVENT_WHAT: number = NLMSGHDR_SIZE + CN_MSG_SIZE;
export const EVENT_DATA: number = EVENT_WHAT + 16;
/** struct id_proc_event, at {@link EVENT_DATA}: process_pid, process_tgid, r.ruid, e.euid. */
export const ID_TGID: number = EVENT_DATA + 4;
export const ID_RUID: number = EVENT_DATA + 8;
/** struct { __u32 err; } of {@link PROC_EVENT_NONE}: what has become of what was asked. */
export const ACK_ERROR: number = EVENT_DATA;
/** As long as any message of the connector. */
export const MOST_EVENT_BYTES = 256;

/** Asks for events. */
export function listenMessage(): Uint8Array {
  const length = EVENT_WHAT + 4;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, true);
  view.setUint16(4, NLMSG_DONE, true);
  view.setUint32(NLMSGHDR_SIZE, CN_IDX_PROC, true);
  view.setUint32(NLMSGHDR_SIZE + 4, CN_VAL_PROC, true);
  view.setUint16(NLMSGHDR_SIZE + 16, 4, true);
  view.setUint32(EVENT_WHAT, PROC_CN_MCAST_LISTEN, true);
  return bytes;
}

/** struct sockaddr_nl of who hears them. */
export function eventsAddress(): Uint8Array {
  const bytes = new Uint8Array(SOCKADDR_NL_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_NETLINK, true);
  view.setUint32(SOCKADDR_NL_GROUPS, CN_IDX_PROC, true);
  return bytes;
}

export const SOL_SOCKET = 1;
export const SO_RCVBUF = 8;
export const SO_RCVBUFFORCE = 33;
export const SO_ATTACH_FILTER = 26;

const BPF_LD_W_ABS = 0x20;
const BPF_JEQ_K = 0x15;
const BPF_RET_K = 0x06;
const ALL = 0xffff_ffff;

/** As a filter loads it: a number of the machine's, little-endian, as if it were the network's. */
function loaded(number: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, number, true);
  return view.getUint32(0);
}

/**
 * An array of struct sock_filter: of all that happens to processes only what the kernel answers, and that one has another uid now, which
 * is not root's. Everything else costs nobody but the kernel.
 */
export function uidEventsFilter(): Uint8Array {
  const program: readonly (readonly [code: number, jt: number, jf: number, k: number])[] = [
    [BPF_LD_W_ABS, 0, 0, EVENT_WHAT],
    [BPF_JEQ_K, 4, 0, loaded(PROC_EVENT_NONE)],
    [BPF_JEQ_K, 0, 2, loaded(PROC_EVENT_UID)],
    [BPF_LD_W_ABS, 0, 0, ID_RUID],
    [BPF_JEQ_K, 0, 1, 0],
    [BPF_RET_K, 0, 0, 0],
    [BPF_RET_K, 0, 0, ALL],
  ];
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, [code, jt, jf, k]] of program.entries()) {
    view.setUint16(8 * i, code, true);
    view.setUint8(8 * i + 2, jt);
    view.setUint8(8 * i + 3, jf);
    view.setUint32(8 * i + 4, k, true);
  }
  return bytes;
}
