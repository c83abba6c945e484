/** The daemon, with a keeper that starts it again as often as a test kills it. */
import { join } from "node:path";
import { startDaemon } from "../../src/app/daemon/daemon.ts";
import { CLI } from "./paths.ts";

const daemon = await startDaemon({
  onDemand: true,
  command: [process.execPath, CLI, "daemon", "-f"],
  log: join(process.env["XDG_STATE_HOME"]!, "log"),
  patience: { perMinute: 1000, atOnce: 1000 },
  onBug: (error) => process.stderr.write(`bug: ${error}\n`),
});
process.stdout.write("ready\n");
await daemon.ended;
