/** The daemon, with a keeper that starts it again as often as a test kills it. */
import { join } from "node:path";
import { startDaemon } from "../../src/app/daemon/daemon.ts";
import { SOCK_STREAM, socketPair } from "../../src/host/linux/descriptor-message.ts";
import { libcRead } from "../../src/host/linux/ffi/libc.ts";
import { CLI } from "./paths.ts";

const daemon = await startDaemon({
  onDemand: false,
  command: [process.execPath, CLI, "daemon", "-f"],
  log: join(process.env["XDG_STATE_HOME"]!, "log"),
  patience: { perMinute: 1000, atOnce: 1000 },
  onBug: (error) => process.stderr.write(`bug: ${error}\n`),
});
// Hangs in a call of the kernel, for a test of what becomes of it.
process.on("SIGUSR2", () => libcRead(socketPair(SOCK_STREAM)[0], new Uint8Array(1), 1));
process.stdout.write("ready\n");
await daemon.ended;
