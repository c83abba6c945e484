/** struct seccomp_data. */
export function seccompData(arch: number, nr: number, args: readonly (number | bigint)[] = []): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, nr, true);
  view.setUint32(4, arch, true);
  for (const [i, arg] of args.entries()) view.setBigUint64(16 + 8 * i, BigInt.asUintN(64, BigInt(arg)), true);
  return bytes;
}

/** struct seccomp_notif around it. */
export function notification(tid: number, data: Uint8Array): DataView {
  const bytes = new Uint8Array(80);
  bytes.set(data, 16);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, tid, true);
  return view;
}
