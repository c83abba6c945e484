/**
 * The only importer of koffi: libc functions as koffi calls them, with their C prototypes. Nothing here interprets a
 * result; `call.ts` does. Everything runs on the calling thread, as ptrace, setfsuid and capset demand.
 */
import koffi from "koffi";

const libc = koffi.load(null);

function bind<F>(prototype: string): F {
  return libc.func(prototype) as unknown as F;
}

type Buf = Uint8Array | null;
/** An opaque C pointer. */
export type Pointer = unknown;
type Transfer = (fd: number, buf: Uint8Array, count: number) => number;
type TransferAt = (fd: number, buf: Uint8Array, count: number, offset: number) => number;

export const libcOpen: (path: string, flags: number, mode: number) => number = bind(
  "int open(const char *path, int flags, int mode)",
);
export const libcOpenat: (dirfd: number, path: string, flags: number, mode: number) => number = bind(
  "int openat(int dirfd, const char *path, int flags, int mode)",
);
/** openat2(2) by number, the same on every architecture: glibc has no wrapper. `how` is struct open_how. */
export const libcOpenat2: (nr: number, dirfd: number, path: string, how: Uint8Array, size: number) => number = bind(
  "long syscall(long nr, int dirfd, const char *path, const void *how, size_t size)",
);
export const libcSeccomp: (nr: number, operation: number, flags: number, args: Buf) => number = bind(
  "long syscall(long nr, unsigned int operation, unsigned int flags, void *args)",
);
export const libcClockGettime: (clock: number, time: Uint8Array) => number = bind(
  "int clock_gettime(int clock, void *time)",
);
export const libcClose: (fd: number) => number = bind("int close(int fd)");
export const libcDup2: (from: number, to: number) => number = bind("int dup2(int oldfd, int newfd)");
export const libcRead: Transfer = bind("int64_t read(int fd, void *buf, size_t count)");
export const libcWrite: Transfer = bind("int64_t write(int fd, const void *buf, size_t count)");
export const libcPread: TransferAt = bind("int64_t pread64(int fd, void *buf, size_t count, int64_t offset)");
export const libcPwrite: TransferAt = bind("int64_t pwrite64(int fd, const void *buf, size_t count, int64_t offset)");
/** The same with the buffer as an address: it may belong to another thread of this process. */
export const libcPreadAt: (fd: number, buf: number, count: number, offset: number) => number = bind(
  "int64_t pread64(int fd, uint64_t buf, size_t count, int64_t offset)",
);
export const libcPwriteAt: (fd: number, buf: number, count: number, offset: number) => number = bind(
  "int64_t pwrite64(int fd, uint64_t buf, size_t count, int64_t offset)",
);
/** Ends the process with all its threads, also those that wait in the kernel. */
export const libcExit: (status: number) => never = bind("void _exit(int status)");
/** process_vm_readv(2) with one piece on either side: struct iovec each. */
export const libcProcessVmReadv: (
  pid: number,
  local: Uint8Array,
  localCount: number,
  remote: Uint8Array,
  remoteCount: number,
  flags: number,
) => number = bind(
  "int64_t process_vm_readv(int pid, const void *local, unsigned long liovcnt, const void *remote, unsigned long riovcnt, unsigned long flags)",
);
export const libcStatx: (dirfd: number, path: string, flags: number, mask: number, buf: Uint8Array) => number = bind(
  "int statx(int dirfd, const char *path, int flags, unsigned int mask, void *buf)",
);
export const libcGetdents64: (fd: number, buf: Uint8Array, count: number) => number = bind(
  "int64_t getdents64(int fd, void *buf, size_t count)",
);
export const libcSchedYield: () => number = bind("int sched_yield()");
export const libcReadlinkat: (dirfd: number, path: string, buf: Uint8Array, size: number) => number = bind(
  "int64_t readlinkat(int dirfd, const char *path, void *buf, size_t size)",
);
export const libcFcntl: (fd: number, cmd: number, arg: number) => number = bind("int fcntl(int fd, int cmd, long arg)");
export const libcIoctl: (fd: number, request: number, arg: Buf) => number = bind(
  "int ioctl(int fd, unsigned long request, void *arg)",
);
/** ioctl(2) where the argument is a number. */
export const libcIoctlNumber: (fd: number, request: number, arg: number) => number = bind(
  "int ioctl(int fd, unsigned long request, unsigned long arg)",
);
/** syscall(2) with numbers only: for calls that have no wrapper. */
export const libcSyscall: (nr: number, a: number, b: number, c: number, d: number, e: number) => number = bind(
  "long syscall(long nr, long a, long b, long c, long d, long e)",
);
/** get_robust_list(2) by number: glibc has no wrapper. */
export const libcGetRobustList: (nr: number, tid: number, head: Uint8Array, length: Uint8Array) => number = bind(
  "long syscall(long nr, int tid, void *head, void *length)",
);
export const libcEpollCreate: (flags: number) => number = bind("int epoll_create1(int flags)");
export const libcEpollCtl: (epfd: number, op: number, fd: number, event: Buf) => number = bind(
  "int epoll_ctl(int epfd, int op, int fd, void *event)",
);
export const libcEpollWait: (fd: number, events: Uint8Array, most: number, timeoutMs: number) => number = bind(
  "int epoll_wait(int epfd, void *events, int maxevents, int timeout)",
);
export const libcMemfdCreate: (name: string, flags: number) => number = bind(
  "int memfd_create(const char *name, unsigned int flags)",
);
export const libcFtruncate: (fd: number, length: number) => number = bind("int ftruncate64(int fd, int64_t length)");
/** `handle` is struct file_handle. */
export const libcNameToHandleAt: (
  dirfd: number,
  path: string,
  handle: Uint8Array,
  mountId: Uint8Array,
  flags: number,
) => number = bind("int name_to_handle_at(int dirfd, const char *path, void *handle, void *mount_id, int flags)");
export const libcOpenByHandleAt: (mountFd: number, handle: Uint8Array, flags: number) => number = bind(
  "int open_by_handle_at(int mount_fd, void *handle, int flags)",
);
export const libcMount: (source: string, target: string, type: string, flags: number, data: string) => number = bind(
  "int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)",
);
export const libcUmount2: (target: string, flags: number) => number = bind(
  "int umount2(const char *target, int flags)",
);
/** ptrace(2) where `data` is a buffer. */
export const libcPtrace: (request: number, tid: number, addr: number, data: Buf) => number = bind(
  "long ptrace(long request, int tid, long addr, void *data)",
);
/** ptrace(2) where `data` is a number: options, a signal. */
export const libcPtraceNumber: (request: number, tid: number, addr: number, data: number) => number = bind(
  "long ptrace(long request, int tid, long addr, long data)",
);
export const libcWait4: (pid: number, status: Uint8Array, options: number, rusage: Buf) => number = bind(
  "int wait4(int pid, void *status, int options, void *rusage)",
);
/** `info` is siginfo_t. */
export const libcWaitid: (idtype: number, id: number, info: Uint8Array, options: number) => number = bind(
  "int waitid(int idtype, unsigned int id, void *info, int options)",
);
export const libcTgkill: (tgid: number, tid: number, signal: number) => number = bind(
  "int tgkill(int tgid, int tid, int sig)",
);
export const libcGetpgid: (pid: number) => number = bind("int getpgid(int pid)");
export const libcGetsid: (pid: number) => number = bind("int getsid(int pid)");
export const libcPidfdOpen: (pid: number, flags: number) => number = bind(
  "int pidfd_open(int pid, unsigned int flags)",
);
/** Takes a copy of another process's descriptor, close-on-exec. */
export const libcPidfdGetfd: (pidfd: number, fd: number, flags: number) => number = bind(
  "int pidfd_getfd(int pidfd, int targetfd, unsigned int flags)",
);
export const libcPidfdSendSignal: (pidfd: number, signal: number, info: Buf, flags: number) => number = bind(
  "int pidfd_send_signal(int pidfd, int sig, void *info, unsigned int flags)",
);
export const libcGetpagesize: () => number = bind("int getpagesize()");
export const libcPrctl: (option: number, a: number, b: number, c: number, d: number) => number = bind(
  "int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)",
);
/** `path` ends with a zero byte; `argv` and `envp` are arrays of pointers that end with a null pointer. */
export const libcExecve: (path: Uint8Array, argv: Uint8Array, envp: Uint8Array) => number = bind(
  "int execve(const void *path, void *argv, void *envp)",
);
/** The disposition as a number: 0 default, 1 ignored. */
export const libcSignal: (signal: number, disposition: number) => number = bind("long signal(int sig, long handler)");
export const libcSetrlimit: (resource: number, limit: Uint8Array) => number = bind(
  "int setrlimit(int resource, const void *limit)",
);
export const libcSetfsuid: (uid: number) => number = bind("int setfsuid(unsigned int uid)");
export const libcSetfsgid: (gid: number) => number = bind("int setfsgid(unsigned int gid)");
export const libcCapget: (header: Uint8Array, data: Uint8Array) => number = bind(
  "int capget(void *header, void *data)",
);
export const libcCapset: (header: Uint8Array, data: Uint8Array) => number = bind(
  "int capset(void *header, const void *data)",
);
export const libcSocketpair: (domain: number, type: number, protocol: number, sv: Uint8Array) => number = bind(
  "int socketpair(int domain, int type, int protocol, void *sv)",
);
export const libcSocket: (domain: number, type: number, protocol: number) => number = bind(
  "int socket(int domain, int type, int protocol)",
);
export const libcBind: (fd: number, address: Uint8Array, length: number) => number = bind(
  "int bind(int fd, const void *address, unsigned int length)",
);
export const libcListen: (fd: number, backlog: number) => number = bind("int listen(int fd, int backlog)");
export const libcAccept4: (fd: number, address: null, length: null, flags: number) => number = bind(
  "int accept4(int fd, void *address, void *length, int flags)",
);
export const libcGetsockopt: (
  fd: number,
  level: number,
  name: number,
  value: Uint8Array,
  length: Uint8Array,
) => number = bind("int getsockopt(int fd, int level, int name, void *value, void *length)");
export const libcSetsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: number) => number =
  bind("int setsockopt(int fd, int level, int name, const void *value, unsigned int length)");
export const libcSendmsg: (fd: number, msg: Uint8Array, flags: number) => number = bind(
  "int64_t sendmsg(int fd, const void *msg, int flags)",
);
export const libcRecvmsg: (fd: number, msg: Uint8Array, flags: number) => number = bind(
  "int64_t recvmsg(int fd, void *msg, int flags)",
);
export const libcFlock: (fd: number, operation: number) => number = bind("int flock(int fd, int operation)");
/** `timeout` is struct timespec, null for none. */
export const libcPpoll: (fds: Uint8Array, count: number, timeout: Buf, sigmask: Buf) => number = bind(
  "int ppoll(void *fds, unsigned long nfds, const void *timeout, const void *sigmask)",
);

export const libcEventfd: (initial: number, flags: number) => number = bind(
  "int eventfd(unsigned int initval, int flags)",
);

export const libcMmap: (
  addr: null,
  length: number,
  prot: number,
  flags: number,
  fd: number,
  offset: number,
) => Pointer = bind("void *mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)");
export const libcMunmap: (addr: Pointer, length: number) => number = bind("int munmap(void *addr, size_t length)");

/** Memory of C as a buffer, which does not keep it. */
export const viewOf = (at: Pointer, length: number): Buffer => Buffer.from(koffi.view(at as bigint, length));
export const pointerTo = (buffer: Buffer): Pointer => koffi.address(buffer);

/** errno of the last call above, on this thread. */
export const errnoNow = (): number => koffi.errno();

/** The address of a buffer's first byte, below 2^47. The buffer must stay alive while C may use it. */
export const addressOf = (buffer: Uint8Array): number => Number(koffi.address(buffer));

const uvPollCallback = koffi.proto("void uv_poll_cb(void *handle, int status, int events)");
const uvCloseCallback = koffi.proto("void uv_close_cb(void *handle)");
export const uvDefaultLoop: () => Pointer = bind("void *uv_default_loop()");
/** Readable when the loop has an event to look at. */
export const uvBackendFd: (loop: Pointer) => number = bind("int uv_backend_fd(void *loop)");
export const uvHandleSize: (type: number) => number = bind("size_t uv_handle_size(int type)");
export const uvPollInit: (loop: Pointer, handle: Pointer, fd: number) => number = bind(
  "int uv_poll_init(void *loop, void *handle, int fd)",
);
export const uvPollStart: (handle: Pointer, events: number, callback: Pointer) => number = bind(
  "int uv_poll_start(void *handle, int events, uv_poll_cb *cb)",
);
export const uvClose: (handle: Pointer, callback: Pointer) => void = bind(
  "void uv_close(void *handle, uv_close_cb *cb)",
);

/** Memory for a libuv handle: C owns it until its close callback. */
export const allocateHandle = (size: number): Pointer => koffi.alloc("uint8_t", size);
export const freeHandle = (handle: Pointer): void => koffi.free(handle as bigint);
export const registerPollCallback = (callback: (handle: Pointer, status: number, events: number) => void): Pointer =>
  koffi.register(callback, koffi.pointer(uvPollCallback));
export const registerCloseCallback = (callback: (handle: Pointer) => void): Pointer =>
  koffi.register(callback, koffi.pointer(uvCloseCallback));
export const unregisterCallback = (callback: Pointer): void => koffi.unregister(callback as bigint);

/** Both are sigset_t. */
export const libcSigprocmask: (how: number, set: Uint8Array, old: Buf) => number = bind(
  "int sigprocmask(int how, const void *set, void *old)",
);
