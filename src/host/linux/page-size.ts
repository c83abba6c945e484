import { setPageSize } from "../../core/base/size.ts";
import { libcGetpagesize } from "./ffi/libc.ts";

/** Bytes of a page on this machine: 4096 on x86-64, and what the kernel was built for on arm64 (4, 16 or 64 KiB). */
export const pageSize: number = libcGetpagesize();

/** From here on everything that is counted in pages is counted in this machine's. */
export function countInOwnPages(): void {
  setPageSize(pageSize);
}
