import type { DebugFileWanted } from "../../core/symbols/modules.ts";

/** Where distributions keep the symbols that were stripped off their files. */
export const DEBUG_ROOT = "/usr/lib/debug";

/** Below {@link DEBUG_ROOT}, in the order in which gdb(1), "Separate Debug Files", looks there. */
export function debugFilePaths({ buildId, link, path }: DebugFileWanted): string[] {
  const paths: string[] = [];
  if (buildId !== undefined && buildId.length > 2)
    paths.push(`/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`);
  if (link !== undefined && link !== "" && !link.includes("/")) {
    if (!path.split("/").includes("..")) paths.push(`${path.slice(0, path.lastIndexOf("/"))}/${link}`);
  }
  return paths;
}
