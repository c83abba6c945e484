import { spawn, spawnSync } from "node:child_process";
import { Errno } from "../../core/base/errno.ts";
import { check } from "../linux/ffi/call.ts";
import { addressOf, libcClose, libcFcntl, libcRecvmsg, libcSocketpair } from "../linux/ffi/libc.ts";
import type { FuseMountOptions } from "./mount-options.ts";

const FUSERMOUNT = "fusermount3";
/** sys/socket.h: AF_UNIX, SOCK_STREAM; a control message with one descriptor, unix(7), begins with 16 bytes of header. */
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const CMSG_HEADER = 16;
/** fcntl(2). */
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** struct msghdr of 64-bit Linux over one byte of data and room for one descriptor. Keep the parts while it is used. */
function messageBuffers(): { message: Buffer; control: Buffer; keep: Buffer[] } {
  const data = Buffer.alloc(1);
  const iovec = Buffer.alloc(16);
  iovec.writeBigUInt64LE(BigInt(addressOf(data)), 0);
  iovec.writeBigUInt64LE(1n, 8);
  const control = Buffer.alloc(24);
  const message = Buffer.alloc(56);
  message.writeBigUInt64LE(BigInt(addressOf(iovec)), 16);
  message.writeBigUInt64LE(1n, 24);
  message.writeBigUInt64LE(BigInt(addressOf(control)), 32);
  message.writeBigUInt64LE(BigInt(control.length), 40);
  return { message, control, keep: [data, iovec] };
}

function receiveDescriptor(socket: number): number | undefined {
  const { message, control, keep } = messageBuffers();
  const count = check(libcRecvmsg(socket, message, 0), "answer of fusermount3");
  const controlLength = Number(message.readBigUInt64LE(40));
  return keep.length > 0 && count > 0 && controlLength >= CMSG_HEADER + 4
    ? control.readInt32LE(CMSG_HEADER)
    : undefined;
}

const missing = (error: NodeJS.ErrnoException): Errno =>
  error.code === "ENOENT"
    ? new Errno("ENOENT", `${FUSERMOUNT} is not installed: an ordinary user needs it (Debian package fuse3)`, error)
    : new Errno("EIO", `${FUSERMOUNT} cannot be started`, error);

/** Mounts by the set-uid helper, which hands back the open /dev/fuse over a socket. EPERM with what the helper said. */
export async function fusermount(dir: string, options: FuseMountOptions): Promise<number> {
  const pair = Buffer.alloc(8);
  check(libcSocketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
  const [ours, theirs] = [pair.readInt32LE(0), pair.readInt32LE(4)];
  libcFcntl(ours, F_SETFD, FD_CLOEXEC);
  const words = [
    `fsname=${options.source}`,
    `subtype=${options.subtype}`,
    "default_permissions",
    "max_read=1048576",
    "nosuid",
    "nodev",
    ...(options.allowOther ? ["allow_other"] : []),
    ...(options.readOnly ? ["ro"] : []),
  ];
  try {
    const said = await new Promise<string>((resolve, reject) => {
      const child = spawn(FUSERMOUNT, ["-o", words.join(","), "--", dir], {
        env: { ...process.env, _FUSE_COMMFD: "3" },
        cwd: "/",
        stdio: ["ignore", "ignore", "pipe", theirs],
      });
      let text = "";
      child.stderr?.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      child.on("error", (error) => reject(missing(error)));
      child.on("close", () => resolve(text.trim()));
    });
    libcClose(theirs);
    const fd = receiveDescriptor(ours);
    if (fd === undefined) {
      throw new Errno(
        "EPERM",
        said
          .split("\n")
          .at(-1)
          ?.replace(/^fusermount3: /, "") || "fusermount3 refused",
      );
    }
    libcFcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
  } finally {
    libcClose(ours);
  }
}

/** Unmounts by the helper; a busy mount goes as soon as it is free. */
export function fuserUnmount(dir: string): void {
  const { status, stderr, error } = spawnSync(FUSERMOUNT, ["-u", "-z", "--", dir], { encoding: "utf8", cwd: "/" });
  if (error) throw missing(error);
  if (status !== 0) throw new Errno("EPERM", stderr.trim().replace(/^fusermount3: /, ""));
}
