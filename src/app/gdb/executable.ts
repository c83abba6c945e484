import { AT_PHDR, auxiliaryValue } from "../../core/abi/auxv.ts";
import { Errno, isErrno } from "../../core/base/errno.ts";
import { type MapRegion, readMap } from "./map-text.ts";
import type { ProcessFiles } from "./process-files.ts";

/** The path of what a process executes, where it runs; one character a byte. */
export async function executablePath(files: ProcessFiles): Promise<string> {
  try {
    return await files.link("file");
  } catch (error) {
    // A tree that is served to other hosts has the bytes in place of the link.
    if (!isErrno(error, "EINVAL")) throw error;
  }
  const headers = auxiliaryValue(await auxvOf(files), AT_PHDR);
  const has = ({ start, end }: MapRegion): boolean => headers !== undefined && headers >= start && headers < end;
  const path = (await readMap(files)).find(has)?.path;
  if (path === undefined) throw new Errno("ENOENT", `what process ${files.pid} executes has no name`);
  return path;
}

/** Bytes of the vector, of which there are few. */
const MOST_AUXV = 64 * 1024;

export async function auxvOf(files: ProcessFiles): Promise<Uint8Array> {
  const text = await files.text("auxv");
  return Uint8Array.from(text.slice(0, MOST_AUXV), (c) => c.charCodeAt(0));
}
