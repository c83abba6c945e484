/** Children whose parents have gone before anybody has seen them: they are counted, and have the limit they inherited. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Accounting, reservedByKernel } from "../support/limited.ts";
import { program } from "../support/programs.ts";
import { untilAsync } from "../support/target.ts";

const MIB = 1 << 20;

/** Has a program make a child and exit; what `look` does with the child, which is ended. */
async function withOrphan(
  place: Accounting,
  way: "fork" | "vfork",
  before: (pid: number) => Promise<void>,
  look: (child: number) => Promise<void>,
): Promise<void> {
  await using parent = await place.words(["-w", "512m"], [program("orphans"), way]);
  await before(parent.pid);
  const gone = once(parent.child, "exit");
  const child = Number(await parent.ask("go"));
  try {
    await gone;
    await look(child);
  } finally {
    process.kill(child, "SIGKILL");
  }
}

const swapOf = async (place: Accounting, pid: number): Promise<string | undefined> =>
  /^swap .*/m.exec(await place.cat(`${pid}/rlimit`))?.[0];

test("a limit that was set is inherited by another program whose parent has gone", async (t) => {
  const place = new Accounting(t);
  const limit = `swap ${256 * MIB} ${256 * MIB}`;
  const narrow = async (pid: number): Promise<void> => {
    assert.equal(place.command("write", `${pid}/rlimit`, limit).err, "");
  };
  await withOrphan(place, "vfork", narrow, async (child) => {
    await untilAsync(async () => (await swapOf(place, child)) === limit, "the limit that was set");
  });
});

test("a forked child is counted when the daemon is killed as soon as its parent has gone", async (t) => {
  const place = new Accounting(t);
  let daemon = 0;
  const ask = async (): Promise<void> => {
    daemon = await place.daemon();
  };
  await withOrphan(place, "fork", ask, async (child) => {
    process.kill(daemon, "SIGKILL");
    await place.reconnect();
    await untilAsync(async () => (await place.daemon()) !== daemon, "another daemon");
    assert.equal(await place.reserved(), reservedByKernel(child));
    assert.ok(reservedByKernel(child) * 4096 >= 100 * MIB);
    assert.equal(await swapOf(place, child), `swap ${512 * MIB} ${512 * MIB}`);
  });
});
