import type { ModuleMap } from "./modules.ts";

/** A place in the source or in the program, as a person says it. */
export type PlaceName =
  | { readonly symbol: string; readonly offset: number }
  | { readonly file: string; readonly line: number };

/** Where it is in memory. */
export interface FoundPlace {
  readonly address: number;
  /** Bytes of the variable or function, where the file says so; 0 of a line. */
  readonly size: number;
}

/** The first object that knows the place, the program before its libraries. Undefined where none does. */
export function findPlace(modules: ModuleMap, name: PlaceName): FoundPlace | undefined {
  for (const { symbols, bias } of modules.objects()) {
    if ("symbol" in name) {
      const found = symbols.named(name.symbol);
      if (found) return { address: found.address + bias + name.offset, size: found.size };
    } else {
      const address = symbols.addressOf(name.file, name.line);
      if (address !== undefined) return { address: address + bias, size: 0 };
    }
  }
  return undefined;
}
