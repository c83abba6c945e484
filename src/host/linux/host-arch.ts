import { ARCHES } from "../../core/abi/arch/all.ts";
import type { Arch } from "../../core/abi/arch/arch.ts";
import { Errno } from "../../core/base/errno.ts";

/** The processor we run on. EOPNOTSUPP where there is no data for it. */
export function hostArch(): Arch {
  const arch = ARCHES.find((candidate) => candidate.nodeArch === process.arch);
  if (!arch) throw new Errno("EOPNOTSUPP", `no register layout for ${process.arch}`);
  return arch;
}
