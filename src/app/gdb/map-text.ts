import type { ProcessFiles } from "./process-files.ts";

/** A line of `map`, procfs(5), as far as a debugger asks for it. */
export interface MapRegion {
  readonly start: number;
  readonly end: number;
  /** `r`, `w` and `x`, a dash for what is missing. */
  readonly rights: string;
  /** One character a byte; undefined for memory of no file. */
  readonly path: string | undefined;
}

const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** In the order of their addresses. */
export function parseMap(text: string): readonly MapRegion[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const fields = line.split(" ");
      const path = fields[12];
      return {
        start: Number(fields[0]),
        end: Number(fields[1]),
        rights: fields[5] ?? "---",
        path: path === undefined || path === "-" ? undefined : unescaped(path),
      };
    })
    .sort((a, b) => a.start - b.start);
}

export async function readMap(files: ProcessFiles): Promise<readonly MapRegion[]> {
  return parseMap(await files.text("map"));
}
