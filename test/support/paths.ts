import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout: this file is built to dist/test/support/. */
export const ROOT: string = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
/** The command line, to be run by node. */
export const CLI: string = join(ROOT, "dist", "src", "cli", "main.js");
