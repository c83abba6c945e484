/** What starts a daemon like this one's. */
export function daemonCommandLine(): readonly string[] {
  return [process.execPath, process.argv[1]!, "daemon", "-f"];
}
