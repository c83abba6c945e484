import { Command, InvalidArgumentError, Option } from "commander";
import { askDaemon, listDisks } from "../../app/daemon/client.ts";
import { formatSize } from "../../core/base/size.ts";
import { utf8 } from "../../core/base/text.ts";
import { startDaemonInBackground } from "../background.ts";
import { sizeArgument } from "../size-argument.ts";
import { show } from "../terminal.ts";

/** The daemon's answer; undefined, and the exit status says so, when there is no daemon. */
async function ask(word: string): Promise<string | undefined> {
  const answer = await askDaemon(() => word, startDaemonInBackground);
  if (answer === undefined) process.exitCode = 1;
  return answer;
}

function uidArgument(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError("say a number, as id -u prints it");
  return Number(text);
}

/** `loop3` for /dev/loop3, as other tools print it. */
function devicePath(device: string): string {
  return device.startsWith("/") ? device : `/dev/${device}`;
}

function limitOption(): Option {
  return new Option("-w, --limit <limit>", "what that uid may be charged altogether")
    .argParser(sizeArgument("infinity"))
    .default(Number.POSITIVE_INFINITY, "infinity");
}

function createCommand(): Command {
  return new Command("create")
    .description("make a disk and print its device")
    .requiredOption("-s, --size <size>", "bytes, or with k, m, g or t", sizeArgument())
    .option("-u, --uid <uid>", "who is charged", uidArgument, 0)
    .addOption(limitOption())
    .action(async ({ size, uid, limit }: { size: number; uid: number; limit: number }) => {
      const most = limit === Number.POSITIVE_INFINITY ? "infinity" : limit;
      const device = await ask(`md create ${size} ${uid} ${most}`);
      if (device !== undefined) show(utf8(`${device}\n`));
    });
}

function resizeCommand(): Command {
  return new Command("resize")
    .description("change the size of a disk")
    .requiredOption("-s, --size <size>", "bytes, or with k, m, g or t", sizeArgument())
    .argument("<device>", "/dev/loopN")
    .action(async (device: string, { size }: { size: number }) => {
      await ask(`md resize ${devicePath(device)} ${size}`);
    });
}

function destroyCommand(): Command {
  return new Command("destroy")
    .description("take a disk away, with what is on it")
    .argument("<device>", "/dev/loopN")
    .action(async (device: string) => {
      await ask(`md destroy ${devicePath(device)}`);
    });
}

function listCommand(): Command {
  return new Command("list")
    .description("the disks, and who is charged")
    .option("--json", "for programs")
    .action(async (flags: { json?: true }) => {
      const disks = await listDisks(startDaemonInBackground);
      if (!disks) process.exitCode = 1;
      else if (flags.json) show(utf8(`${JSON.stringify(disks, null, 2)}\n`));
      else {
        const rows = disks.map(({ device, bytes, uid }) => [device, formatSize(bytes), String(uid)]);
        for (const [device, size, uid] of [["DEVICE", "SIZE", "UID"], ...rows]) {
          show(utf8(`${device!.padEnd(12)} ${size!.padStart(8)} ${uid!.padStart(10)}\n`));
        }
      }
    });
}

export function mdCommand(): Command {
  return new Command("md")
    .description("memory disks, charged to a uid")
    .addCommand(createCommand())
    .addCommand(resizeCommand())
    .addCommand(destroyCommand())
    .addCommand(listCommand());
}
