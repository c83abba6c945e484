/** Containers of stock runtimes whose seccomp profile hands them to `lyonnais agent`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bundle, lacking, RUNTIMES } from "../support/containers.ts";
import { Accounting } from "../support/limited.ts";
import { untilAsync } from "../support/target.ts";

const isRoot = process.geteuid!() === 0;
const USER = 61121;

const hog = (mebibytes: number): string =>
  `dd if=/dev/zero of=/dev/null bs=${mebibytes}M count=1 2>/dev/null && echo fits || echo refused`;

function profile(place: Accounting, ...args: readonly string[]): Record<string, unknown> {
  const { code, out, err } = place.command("oci-profile", ...args);
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

for (const runtime of RUNTIMES) {
  const skip = isRoot ? lacking(runtime) : "needs root";

  test(`${runtime}: a container gets ENOMEM at its budget, its other processes count, a killed daemon changes nothing`, {
    skip,
  }, async (t) => {
    const place = new Accounting(t, 0);
    assert.deepEqual(place.command("agent"), { code: 0, out: "", err: "" });
    const bundle = new Bundle(t, { runtime, seccomp: profile(place, "--swap", "64m") });
    await using shell = bundle.start("lyonnais-one");
    assert.equal(await shell.next(), "ready");
    assert.equal(await shell.ask(hog(100)), "refused");
    assert.equal(await shell.ask(hog(40)), "fits");
    const before = await place.daemon();
    await place.reconnect();
    process.kill(before, "SIGKILL");
    assert.equal(await shell.ask(hog(100)), "refused");
    assert.notEqual(await place.daemon(), before);

    // One more process is of the same container: together they have no room.
    shell.child.stdin!.write("dd if=/dev/zero of=/dev/null bs=40M count=1000000 2>/dev/null &\necho going\n");
    assert.equal(await shell.next(), "going");
    await untilAsync(async () => (await place.reserved(0)) > 40 * 256, "it has 40m");
    const { out } = bundle.run("exec", "lyonnais-one", "/bin/sh", "-c", hog(40));
    assert.match(out, /^refused$/m);
    assert.match(bundle.run("exec", "lyonnais-one", "/bin/sh", "-c", hog(4)).out, /^fits$/m);

    // Another container has a budget of its own, by the next daemon as well.
    await using other = bundle.start("lyonnais-two");
    assert.equal(await other.next(), "ready");
    assert.equal(await other.ask(hog(40)), "fits");
    assert.equal(await other.ask(hog(100)), "refused");
    assert.equal(await place.cat("accounts-check"), "");
  });

  test(`${runtime}: an annotation may say less, not more; what cannot be meant, and no agent, is no container`, {
    skip,
  }, async (t) => {
    const place = new Accounting(t, 0);
    const seccomp = profile(place, "--swap", "64m");
    const alone = new Bundle(t, { runtime, seccomp }).run("run", "lyonnais-alone");
    assert.notEqual(alone.code, 0);
    assert.match(alone.out, /seccomp|agent|No such file|connect/i);
    place.command("agent");
    for (const [swap, at40] of [
      ["32m", "refused"],
      ["1g", "fits"],
    ] as const) {
      const bundle = new Bundle(t, { runtime, seccomp, annotations: { "io.lyonnais.swap": swap } });
      await using shell = bundle.start(`lyonnais-${swap}`);
      assert.equal(await shell.next(), "ready");
      assert.equal(await shell.ask(hog(40)), at40);
      assert.equal(await shell.ask(hog(100)), "refused");
    }
    const wrong = new Bundle(t, { runtime, seccomp, annotations: { "io.lyonnais.swap": "lots" } });
    assert.notEqual(wrong.run("run", "lyonnais-wrong").code, 0);
  });

  test(`${runtime}: without root, by the user's own daemon`, { skip }, async (t) => {
    const place = new Accounting(t, USER);
    assert.deepEqual(place.command("agent"), { code: 0, out: "", err: "" });
    const bundle = new Bundle(t, { runtime, seccomp: profile(place, "--swap", "64m"), uid: USER });
    await using shell = bundle.start("lyonnais-rootless");
    assert.equal(await shell.next(), "ready");
    assert.equal(await shell.ask(hog(40)), "fits");
    assert.equal(await shell.ask(hog(100)), "refused");
  });
}
