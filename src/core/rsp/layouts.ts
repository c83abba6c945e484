import type { Arch } from "../abi/arch/arch.ts";
import { ARM64 } from "../abi/arch/arm64.ts";
import { X86_64 } from "../abi/arch/x86-64.ts";
import { ARM64_LAYOUT } from "./arm64.ts";
import type { RegisterLayout } from "./layout.ts";
import { X86_64_LAYOUT } from "./x86-64.ts";

/** A processor and how debuggers see it. */
export interface KnownProcessor {
  readonly arch: Arch;
  readonly layout: RegisterLayout;
}

const KNOWN: readonly KnownProcessor[] = [
  { arch: X86_64, layout: X86_64_LAYOUT },
  { arch: ARM64, layout: ARM64_LAYOUT },
];

/** By the bytes of its general register set, by which a tree tells what it is of. */
export function processorBySetSize(size: number): KnownProcessor | undefined {
  return KNOWN.find(({ arch }) => arch.registerSize === size);
}
