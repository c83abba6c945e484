import { readFileSync } from "node:fs";
import { nodeErrno } from "./node-errno.ts";

/** The whole of a file of UTF-8. Throws Errno. */
export function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw nodeErrno(error);
  }
}
