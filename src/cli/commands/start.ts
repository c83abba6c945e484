import { mkdirSync } from "node:fs";
import { Command } from "commander";
import { nodeErrno } from "../../app/node-errno.ts";
import { isErrno } from "../../core/base/errno.ts";
import { runShell } from "../run-shell.ts";
import { serveStart } from "../serve-start.ts";

const HINTS = (dir: string): string => `The process file system is mounted on ${dir}. In another terminal, try:
  ls -li ${dir}
  cat ${dir}/curproc/status
  sleep 600 & cd ${dir}/$!; echo attach > ctl; echo wait > ctl; xxd regs; echo detach > ctl
  lyonnais run -j 256m -- bash; cat ${dir}/accounts
Ctrl-C here unmounts; whatever is attached runs on.
`;

/**
 * An old mount may be lying there dead: mounting replaces it, and reports what else is wrong with the directory. One level
 * only: Node's recursive mkdir never ends where the kernel will not make a directory, as below /proc.
 */
function makeMountPoint(dir: string): void {
  try {
    mkdirSync(dir);
  } catch (error) {
    const errno = nodeErrno(error);
    if (!isErrno(errno, "EEXIST", "ENOTCONN")) throw errno;
  }
}

export function startCommand(): Command {
  return new Command("start")
    .description("mount on ./proc in the foreground and say what to try; without FUSE, open the shell")
    .argument("[dir]", "where to mount", "./proc")
    .action(async (dir: string) => {
      makeMountPoint(dir);
      try {
        await serveStart(dir, (path) => process.stdout.write(HINTS(path)));
      } catch (error) {
        if (!isErrno(error) || error.code === "EBUSY") throw error;
        process.stderr.write(`lyonnais: no mount: ${error.message}\nThe same tree in a shell instead:\n`);
        process.exitCode = await runShell();
      }
    });
}
