import type { DebugFileWanted } from "../../core/symbols/modules.ts";

const ROOT = "/usr/lib/debug";

/** Where the symbols that were stripped off a file are kept, as gdb(1), "Separate Debug Files", looks for them. */
export function debugFilePaths({ buildId, link, path }: DebugFileWanted): string[] {
  const paths: string[] = [];
  if (buildId !== undefined && buildId.length > 2)
    paths.push(`${ROOT}/.build-id/${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`);
  if (link !== undefined && link !== "" && !link.includes("/")) {
    const directory = path.slice(0, path.lastIndexOf("/"));
    paths.push(`${directory}/${link}`, `${directory}/.debug/${link}`, `${ROOT}${directory}/${link}`);
  }
  return paths;
}
