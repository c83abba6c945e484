/** The program of the repairer. Descriptors: 3 and 4 its ends of the channels to the daemon and the accountant, 5 the table. */
import { isErrno } from "../../core/base/errno.ts";
import { watchReadable } from "../linux/watch.ts";
import { Channel } from "./channel.ts";
import { Repairer } from "./repairer.ts";
import { SeizedTable } from "./seized-table.ts";

process.title = "lyonnais-repair";
const repairer = new Repairer(new SeizedTable(5), (line) => process.stderr.write(`lyonnais: repair: ${line}\n`));
process.on("SIGCHLD", () => repairer.collect());
// It has a session of its own. A signal that somebody sends to all of a user's processes must not end it before the daemon.
for (const signal of ["SIGINT", "SIGHUP", "SIGPIPE"] as const) process.on(signal, () => {});
for (const fd of [3, 4]) {
  const channel = new Channel(fd);
  watchReadable(fd, () => {
    try {
      repairer.serve(channel);
    } catch (error) {
      if (!isErrno(error, "EPIPE")) throw error;
      // The daemon and its keeper are gone. When a tracer exits its tracees run on.
      process.exit(0);
    }
  });
}
