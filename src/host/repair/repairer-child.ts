/** The repairer's process: descriptors 3 and 4 are its ends of the daemon's and the accountant's channel, 5 is the table. */
import { isErrno } from "../../core/base/errno.ts";
import { watchReadable } from "../linux/watch.ts";
import { Channel } from "./channel.ts";
import { Repairer } from "./repairer.ts";
import { SeizedTable } from "./seized-table.ts";

process.title = "lyonnais-repair";
const repairer = new Repairer(new SeizedTable(5), (line) => process.stderr.write(`lyonnais: repair: ${line}\n`));
process.on("SIGCHLD", () => repairer.collect());
// The daemon's session is another, but a kill of everything that is in a list of processes is not to end it before the daemon.
for (const signal of ["SIGINT", "SIGHUP", "SIGPIPE"] as const) process.on(signal, () => {});
for (const fd of [3, 4]) {
  const channel = new Channel(fd);
  watchReadable(fd, () => {
    try {
      repairer.serve(channel);
    } catch (error) {
      if (!isErrno(error, "EPIPE")) throw error;
      // The daemon is gone: everything seized runs on.
      process.exit(0);
    }
  });
}
