/** What a server that is killed leaves behind: no breakpoint, and a process that runs on. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, readSync } from "node:fs";
import { test } from "node:test";
import { NEEDS_MOUNT } from "../support/rights.ts";
import { Server } from "../support/server.ts";
import { Target, until } from "../support/target.ts";

function bytesOf(pid: number, address: string): string {
  const fd = openSync(`/proc/${pid}/mem`, "r");
  const bytes = Buffer.alloc(4);
  readSync(fd, bytes, 0, 4, Number(address));
  closeSync(fd);
  return bytes.toString("hex");
}

const restorersOf = (pid: number): string[] =>
  spawnSync("pgrep", ["-P", String(pid), "-f", "lyonnais-unset"], { encoding: "latin1" })
    .stdout.split("\n")
    .filter((line) => line !== "");

const hasEnded = (pid: string): boolean =>
  !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ");

/** What is said to a process of two threads before its server is killed, and how often it stops for it. */
const POINTS: readonly (readonly [when: string, words: readonly string[]])[] = [
  ["while it runs with breakpoints in memory", ["run"]],
  ["when it stands on a breakpoint", ["run", "\n", "wait"]],
  ["when it runs without those it had", ["run", "\n", "wait", "clear all; run"]],
  ["when it was halted", ["run", "halt; wait"]],
  ["before it runs for the first time", []],
  ["when it was let go", ["run", "detach"]],
];

for (const [when, said] of POINTS) {
  test(`a server killed ${when} leaves the process unpatched and running`, NEEDS_MOUNT, async () => {
    await using target = await Target.start("breaks", { args: ["1", "2"] });
    const { pid } = target;
    const [, leaf, other] = /leaf (0x[0-9a-f]+) other (0x[0-9a-f]+)/.exec(target.output)!;
    const before = [bytesOf(pid, leaf!), bytesOf(pid, other!)];
    await using server = await Server.start();
    await server.ctlLater(pid, `attach; wait; break ${other}; break ${leaf}; break malloc`);
    for (const word of said) {
      if (word === "\n") target.child.stdin!.write(word);
      else await server.ctlLater(pid, word);
    }
    // At rest, that is a turn of the server's loop later: what it was doing in that moment is not what is asked for here.
    readFileSync(server.path(pid, "stop"));
    readFileSync(server.path(pid, "breaks"));
    const expected = said.includes("detach") ? 0 : 1;
    // One that has no use any more ends by itself.
    await until(() => restorersOf(server.child.pid!).length === expected, `${expected} wait for the server's end`);
    const restorers = restorersOf(server.child.pid!);
    server.child.kill("SIGKILL");
    await once(server.child, "exit");
    await until(() => target.field("TracerPid") === "0" && !/^[Tt]/.test(target.field("State")), "it runs again");
    await until(() => bytesOf(pid, leaf!) === before[0] && bytesOf(pid, other!) === before[1], "the bytes are back");
    await until(() => restorers.every(hasEnded), "nobody is left who waits");
    target.child.stdin!.write("\n");
    await target.prints(said.includes("\n") ? "sum 4\n" : "sum 2\n");
  });
}
