import { mkdirSync } from "node:fs";
import { Command } from "commander";
import { parseMountOptions } from "../../app/mount-options.ts";
import { isErrno } from "../../core/base/errno.ts";
import { runShell } from "../run-shell.ts";
import { serveMount } from "../serve-mount.ts";

const HINTS = (dir: string): string => `The process file system is mounted on ${dir}. In another terminal, try:
  ls -li ${dir}
  cat ${dir}/curproc/status
  sleep 600 & cd ${dir}/$!; echo attach > ctl; echo wait > ctl; xxd regs; echo detach > ctl
Ctrl-C here unmounts; whatever is attached runs on.
`;

export function startCommand(): Command {
  return new Command("start")
    .description("mount on ./proc in the foreground and say what to try; without FUSE, open the shell")
    .argument("[dir]", "where to mount", "./proc")
    .action(async (dir: string) => {
      try {
        mkdirSync(dir, { recursive: true });
      } catch (error) {
        // An old mount may be lying there dead; mounting replaces it, and reports what else is wrong.
        if (
          (error as NodeJS.ErrnoException).code !== "EEXIST" &&
          (error as NodeJS.ErrnoException).code !== "ENOTCONN"
        ) {
          throw error;
        }
      }
      try {
        await serveMount(dir, parseMountOptions(""), (mounted) => {
          process.stdout.write(HINTS(mounted.dir));
        });
      } catch (error) {
        if (!isErrno(error) || error.code === "EBUSY") throw error;
        process.stderr.write(`lyonnais: no mount: ${error.message}\nThe same tree in a shell instead:\n`);
        process.exitCode = await runShell();
      }
    });
}
