import type { Finding } from "./probe.ts";
import { PROBES } from "./probes.ts";

export interface Diagnosis extends Finding {
  readonly name: string;
  readonly essential: boolean;
}

/** Looks at everything, one after the other. */
export async function diagnose(): Promise<Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const probe of PROBES) {
    found.push({ name: probe.name, essential: probe.essential ?? false, ...(await probe.look()) });
  }
  return found;
}
