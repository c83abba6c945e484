import { NODE_FLAGS } from "../app/node-flags.ts";

/** What starts a daemon like this one's. */
export function daemonCommandLine(config?: string): readonly string[] {
  return [process.execPath, ...NODE_FLAGS, process.argv[1]!, "daemon", "-f", ...configFlag(config)];
}

/** What tells a daemon which limits to read. */
export const configFlag = (config: string | undefined): readonly string[] =>
  config === undefined ? [] : ["--config", config];
