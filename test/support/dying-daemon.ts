/**
 * The daemon that is killed at a step of taking on a command, for test/live/run-handshake.test.ts: the step is its argument. Its
 * successors are the command line's own.
 */
import { join } from "node:path";
import { startDaemon } from "../../src/app/daemon/daemon.ts";
import { Keeper } from "../../src/app/keeper/keeper.ts";
import { Accountant } from "../../src/host/accountant/accountant.ts";
import { Acceptance } from "../../src/host/accountant/handshake.ts";
import { CLI } from "./paths.ts";

type Step = "asked" | "taking" | "answering" | "keeping" | "kept" | "given";

const step = process.argv[2] as Step;
const die = (): void => void process.kill(process.pid, "SIGKILL");
const { launch } = Accountant.prototype;
Accountant.prototype.launch = function (...args) {
  if (step === "asked") die();
  const isNew = launch.apply(this, args);
  if (step === "taking") die();
  if (step === "answering") setImmediate(die);
  return isNew;
};
const { hold } = Keeper.prototype;
Keeper.prototype.hold = async function (name, fd, owner) {
  if (step === "keeping" && name.startsWith("listener")) die();
  await hold.call(this, name, fd, owner);
  if (step === "kept" && name.startsWith("listener")) die();
};
const { give } = Acceptance.prototype;
Acceptance.prototype.give = function () {
  give.call(this);
  if (step === "given") die();
};

const daemon = await startDaemon({
  onDemand: true,
  command: [process.execPath, CLI, "daemon", "-f"],
  log: join(process.env["XDG_STATE_HOME"]!, "log"),
  patience: { perMinute: 1000, atOnce: 1000 },
  onBug: (error) => process.stderr.write(`bug: ${error}\n`),
});
// From here on there is a keeper, as where commands run already.
await daemon.descriptors.hold("nothing", 0);
daemon.descriptors.drop("nothing");
process.stdout.write("ready\n");
await daemon.ended;
