/**
 * The least supervisor that Node can be, as bench/floor/supervisor.c is in C: lets every trapped call go and keeps no accounts. Started
 * by `supervisor -by`: the listener is descriptor 3, the argument is the command's pid. Exits as the command does.
 */
import {
  SECCOMP_IOCTL_NOTIF_RECV,
  SECCOMP_IOCTL_NOTIF_SEND,
  SECCOMP_NOTIF_RESP_FLAGS,
  SECCOMP_NOTIF_RESP_SIZE,
  SECCOMP_NOTIF_SIZE,
  SECCOMP_USER_NOTIF_FLAG_CONTINUE,
} from "../src/core/abi/seccomp.ts";
import { libcIoctl, libcPpoll, libcWait4 } from "../src/host/linux/ffi/libc.ts";

const LISTENER = 3;
const POLLIN = 1;
const POLLHUP = 0x10;

const watched = Buffer.alloc(8);
watched.writeInt32LE(LISTENER, 0);
watched.writeInt16LE(POLLIN, 4);
const notification = Buffer.alloc(SECCOMP_NOTIF_SIZE);
const response = Buffer.alloc(SECCOMP_NOTIF_RESP_SIZE);
response.writeUInt32LE(SECCOMP_USER_NOTIF_FLAG_CONTINUE, SECCOMP_NOTIF_RESP_FLAGS);

while (libcPpoll(watched, 1, null, null) > 0 && (watched.readInt16LE(6) & POLLHUP) === 0) {
  notification.fill(0);
  if (libcIoctl(LISTENER, SECCOMP_IOCTL_NOTIF_RECV, notification) !== 0) continue;
  notification.copy(response, 0, 0, 8);
  libcIoctl(LISTENER, SECCOMP_IOCTL_NOTIF_SEND, response);
}
const status = Buffer.alloc(4);
libcWait4(Number(process.argv[2]), status, 0, null);
process.exit(status.readInt32LE(0) >> 8);
