import { Command } from "commander";
import { unmountProcfs } from "../../app/mount.ts";

export function umountCommand(): Command {
  return new Command("umount")
    .description("unmount it; what the daemon has attached stays attached")
    .argument("<dir>", "where it is mounted")
    .action((dir: string) => unmountProcfs(dir));
}
