/** The daemon, with a keeper that starts this one again as often as a test kills it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startDaemon } from "../../src/app/daemon/daemon.ts";
import { PTRACE_SEIZE } from "../../src/core/abi/ptrace.ts";
import { SOCK_STREAM, socketPair } from "../../src/host/linux/descriptor-message.ts";
import { libcPtraceNumber, libcRead } from "../../src/host/linux/ffi/libc.ts";

const state = process.env["XDG_STATE_HOME"]!;
const daemon = await startDaemon({
  onDemand: false,
  command: [process.execPath, fileURLToPath(import.meta.url)],
  log: join(state, "log"),
  patience: { perMinute: 1000, atOnce: 1000 },
  onBug: (error) => process.stderr.write(`bug: ${error}\n`),
});
// Hangs in a call of the kernel, for a test of what becomes of it.
process.on("SIGUSR2", () => libcRead(socketPair(SOCK_STREAM)[0], new Uint8Array(1), 1));
// The same in an attach to the process that the file names, which is inside an exec that does not end.
process.on("SIGWINCH", () =>
  libcPtraceNumber(PTRACE_SEIZE, Number(readFileSync(join(state, "stuck"), "latin1")), 0, 0),
);
// Only the first one is waited for.
process.stdout.on("error", () => {});
process.stdout.write("ready\n");
await daemon.ended;
