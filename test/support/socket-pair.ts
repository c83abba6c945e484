import { libcSocketpair } from "../../src/host/linux/ffi/libc.ts";

/** Two ends of a unix stream socket, for child processes to inherit. */
export function socketPair(): [number, number] {
  const pair = Buffer.alloc(8);
  if (libcSocketpair(1, 1, 0, pair) !== 0) throw new Error("socketpair");
  return [pair.readInt32LE(0), pair.readInt32LE(4)];
}
