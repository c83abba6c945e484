import type { Arch } from "./arch.ts";
import { ARM64 } from "./arm64.ts";
import { X86_64 } from "./x86-64.ts";

/** Every architecture there is data for. */
export const ARCHES: readonly Arch[] = [X86_64, ARM64];
