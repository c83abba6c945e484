import { Command } from "commander";
import { unmountProcfs } from "../../app/mount.ts";

export function umountCommand(): Command {
  return new Command("umount")
    .description("unmount it; targets under control are detached and run on")
    .argument("<dir>", "where it is mounted")
    .action((dir: string) => unmountProcfs(dir));
}
