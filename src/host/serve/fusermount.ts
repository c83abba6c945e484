import { spawn, spawnSync } from "node:child_process";
import { Errno } from "../../core/base/errno.ts";
import { receiveDescriptor, SOCK_STREAM, socketPair } from "../linux/descriptor-message.ts";
import { libcClose } from "../linux/ffi/libc.ts";
import type { FuseMountOptions } from "./mount-options.ts";

const FUSERMOUNT = "fusermount3";
const missing = (error: NodeJS.ErrnoException): Errno =>
  error.code === "ENOENT"
    ? new Errno("ENOENT", `${FUSERMOUNT} is not installed: an ordinary user needs it (Debian package fuse3)`, error)
    : new Errno("EIO", `${FUSERMOUNT} cannot be started`, error);

/** Mounts by the set-uid helper, which hands back the open /dev/fuse over a socket. EPERM with what the helper said. */
export async function fusermount(dir: string, options: FuseMountOptions): Promise<number> {
  const [ours, theirs] = socketPair(SOCK_STREAM);
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
    const answer = receiveDescriptor(ours);
    if (!answer) {
      throw new Errno(
        "EPERM",
        said
          .split("\n")
          .at(-1)
          ?.replace(/^fusermount3: /, "") || "fusermount3 refused",
      );
    }
    return answer.fd;
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
