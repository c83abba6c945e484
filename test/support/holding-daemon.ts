/** The daemon with one end of a socket held, for test/live/keeper-daemon.test.ts; its successors are the command line's own. */
import { join } from "node:path";
import { startDaemon } from "../../src/app/daemon/daemon.ts";
import { isInBackground } from "../../src/cli/background.ts";
import { CLI } from "./paths.ts";

const daemon = await startDaemon({
  onDemand: isInBackground(),
  command: [process.execPath, CLI, "daemon", "-f"],
  log: join(process.env["XDG_STATE_HOME"]!, "log"),
  onBug: (error) => process.stderr.write(`bug: ${error}\n`),
});
await daemon.descriptors.hold("line", 3);
process.stdout.write("holds\n");
await daemon.ended;
