/**
 * A daemon in small for test/live/keeper.test.ts, run by node with a directory, a patience and a mode. It keeps a file, whose
 * number grows by one with every process, and one end of a socket, on which it says that it is there.
 */
import { spawnSync } from "node:child_process";
import { readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { takeInheritance } from "../../src/app/keeper/inheritance.ts";
import { Keeper } from "../../src/app/keeper/keeper.ts";
import { lockFile } from "../../src/host/linux/file-lock.ts";

const [dir, perMinute, atOnce, mode] = process.argv.slice(2) as [string, string, string, string];
const inheritance = takeInheritance();
if (inheritance && mode === "fails") process.exit(3);
const keeper = new Keeper({
  command: [process.execPath, process.argv[1]!, ...process.argv.slice(2)],
  log: join(dir, "log"),
  lock: inheritance?.lock ?? lockFile(join(dir, "lock"))!,
  inheritance,
  patience: { perMinute: Number(perMinute), atOnce: Number(atOnce) },
  onBug: (error) => process.stderr.write(`bug: ${error instanceof Error ? error.stack : error}\n`),
});
/** The first process has them as these numbers. */
const state = keeper.kept.get("state") ?? 3;
const line = keeper.kept.get("line") ?? 4;
if (!inheritance && mode !== "holds-nothing") {
  await keeper.hold("line", line);
  await keeper.hold("state", state);
}
let ending = false;
process.on("SIGUSR1", () => {
  const { stdout } = spawnSync("ls", ["/proc/self/fd"], { encoding: "latin1" });
  writeSync(line, `child has ${stdout.trim().split("\n").join(" ")}\n`);
});
process.on("SIGUSR2", () => {
  ending = true;
});
const number = Buffer.alloc(4);
readSync(state, number, 0, 4, 0);
number.writeUInt32LE(number.readUInt32LE(0) + 1);
writeSync(state, number, 0, 4, 0);
writeSync(line, `there ${process.pid} ${number.readUInt32LE(0)} ${[...keeper.kept.keys()].sort().join(" ")}\n`);

// Other names come and go all the time, so that a kill finds the store in the middle of it.
for (const name of keeper.kept.keys()) if (/^x/.test(name)) keeper.drop(name);
for (let i = 0; !ending; i++) {
  if (mode !== "holds-nothing") await keeper.hold(`x${i}`, state);
  keeper.drop(`x${i - 1}`);
  if (mode !== "busy") await new Promise((resolve) => setTimeout(resolve, 10));
  else if (i % 16 === 0) await turn();
}
await keeper.dismiss();
process.exit(0);
