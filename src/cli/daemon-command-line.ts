import { NODE_FLAGS } from "../app/node-flags.ts";

/** What starts a daemon like this one's. */
export function daemonCommandLine(): readonly string[] {
  return [process.execPath, ...NODE_FLAGS, process.argv[1]!, "daemon", "-f"];
}
