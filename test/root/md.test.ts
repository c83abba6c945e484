/** Memory disks as their user meets them: a block device to make a file system on, a charge that comes and goes with it. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { composeDisks, diskOwner } from "../../src/app/daemon/compose-disks.ts";
import type { Accountant } from "../../src/host/accountant/accountant.ts";
import { MemoryDisks } from "../../src/host/linux/memory-disk/memory-disks.ts";
import { type DaemonPlace, daemonPlace } from "../support/daemon-place.ts";
import { NEEDS_LOOP } from "../support/rights.ts";
import { until } from "../support/target.ts";

const UID = "31021";
const MIB = 1024 ** 2;

interface DiskPlace extends DaemonPlace {
  /** Makes a disk that is charged to UID, and is gone when the test is. */
  create(size: string, ...args: string[]): string;
  /** Mounts it on a directory of its own. */
  mount(device: string): string;
}

const backing = (device: string): string => {
  const path = `/sys/block/${device.slice("/dev/".length)}/loop/backing_file`;
  return existsSync(path) ? readFileSync(path, "latin1").trim() : "";
};
const ours = (device: string): boolean => backing(device) === `/memfd:lyonnais-md-${UID} (deleted)`;

function diskPlace(t: TestContext): DiskPlace {
  const dirs: string[] = [];
  const clear = (): void => {
    for (const dir of dirs.splice(0)) spawnSync("umount", ["-l", dir], { stdio: "ignore" });
    // By its label: also a disk of which nobody has heard, as the command that made it was cut off.
    const disks = new MemoryDisks(diskOwner(place.socket)).list();
    for (const { device } of disks) spawnSync("losetup", ["-d", device], { stdio: "inherit" });
  };
  process.on("exit", clear);
  t.after(() => {
    process.off("exit", clear);
    clear();
  });
  const place = daemonPlace(t);
  return {
    ...place,
    create(size, ...args) {
      const { code, out, err } = place.run("md", "create", "-s", size, "-u", UID, ...args);
      assert.deepEqual([code, err], [0, ""]);
      assert.match(out, /^\/dev\/loop\d+\n$/);
      return out.trim();
    },
    mount(device) {
      const dir = join(place.dir, `mnt-${dirs.length}`);
      mkdirSync(dir);
      dirs.push(dir);
      tool("mount", device, dir);
      return dir;
    },
  };
}

/** A tool of the system, which must succeed. */
function tool(name: string, ...args: string[]): void {
  execFileSync(name, args, { stdio: ["ignore", "ignore", "pipe"], timeout: 30_000 });
}

// A run that is cut off leaves no device behind, either.
process.once("SIGTERM", () => process.exit(143));

const OK = { code: 0, out: "", err: "" };

test("a file system can be made on a disk, mounted, written to, and grown with it", NEEDS_LOOP, async (t) => {
  const { run, create, mount, socket } = diskPlace(t);
  const device = create("16m");
  assert.ok(ours(device));
  tool("mkfs.ext4", "-q", device);
  const dir = mount(device);
  writeFileSync(join(dir, "small"), Buffer.alloc(8 * MIB, "a"));
  assert.throws(() => writeFileSync(join(dir, "large"), Buffer.alloc(32 * MIB)), { code: "ENOSPC" });
  // A disk grows under a mounted file system.
  assert.deepEqual(run("md", "resize", "-s", "64m", device), OK);
  tool("umount", dir);
  tool("e2fsck", "-fy", device);
  tool("resize2fs", device);
  tool("mount", device, dir);
  const { blocks, bsize } = statfsSync(dir);
  assert.ok(blocks * bsize > 48 * MIB);
  writeFileSync(join(dir, "large"), Buffer.alloc(32 * MIB, "b"));
  assert.deepEqual(readFileSync(join(dir, "small")), Buffer.alloc(8 * MIB, "a"));

  const smaller = run("md", "resize", "-s", "32m", device);
  assert.equal(smaller.code, 1);
  assert.ok(smaller.err.includes(`EBUSY: ${device} cannot get smaller: it is mounted on ${dir}; unmount that first`));
  const refused = run("md", "destroy", device);
  assert.equal(refused.code, 1);
  assert.ok(
    refused.err.includes(`EBUSY: ${device} stays: it is mounted on ${dir}; unmount that first (umount ${dir})`),
  );
  assert.equal(readFileSync(join(dir, "large")).length, 32 * MIB);

  tool("umount", dir);
  assert.deepEqual(run("md", "resize", "-s", "20m", device), OK);
  assert.match(run("md", "list").out, new RegExp(`^${device} +20m +${UID}$`, "m"));
  assert.deepEqual(run("md", "destroy", device.replace("/dev/", "")), OK);
  assert.equal(backing(device), "");
  await until(() => !existsSync(socket), "the end of a daemon that has nothing to account for any more");
});

test("a disk is charged to its uid until it is destroyed: ENOMEM at the limit", NEEDS_LOOP, async (t) => {
  const { run, create } = diskPlace(t);
  const more = ["md", "create", "-s", "40m", "-u", UID, "-w", "64m"];
  const first = create("40m", "-w", "64m");
  const refused = run(...more);
  assert.deepEqual([refused.code, refused.out], [1, ""]);
  const problem = `40m more do not fit: uid ${UID} may have 64m and is charged 40m; destroy something first`;
  assert.equal(refused.err, `lyonnais: md create: ENOMEM: ${problem}\n`);
  assert.match(run("md", "resize", "-s", "65m", first).err, /: ENOMEM: 25m more do not fit: uid 31021 may have 64m/);
  assert.deepEqual(run("md", "resize", "-s", "64m", first), OK);
  assert.deepEqual(run("md", "resize", "-s", "24m", first), OK);
  const second = create("40m", "-w", "64m");
  assert.deepEqual(JSON.parse(run("md", "list", "--json").out), [
    ...[
      { device: first, bytes: 24 * MIB, uid: Number(UID) },
      { device: second, bytes: 40 * MIB, uid: Number(UID) },
    ].sort((a, b) => Number(a.device.slice(9)) - Number(b.device.slice(9))),
  ]);
  assert.deepEqual(run("md", "destroy", second), OK);
  const third = create("40m", "-w", "64m");
  assert.equal(run(...more).code, 1);
  // Whoever takes a disk away by other means gives its charge back, too.
  tool("losetup", "-d", third);
  create("40m", "-w", "64m");
  const root = run("md", "create", "-s", "2m", "-w", "1m");
  assert.match(root.err, /: ENOMEM: 2m more do not fit: uid 0 may have 1m and is charged 0; /);
});

test(
  "a daemon that was killed has its disks again, and their limits; stop leaves them alone",
  NEEDS_LOOP,
  async (t) => {
    const { run, create, mount, killDaemon, socket } = diskPlace(t);
    const device = create("40m", "-w", "64m");
    tool("mkfs.ext4", "-q", device);
    const dir = mount(device);
    writeFileSync(join(dir, "file"), "kept");
    // Longer than a daemon without use stays: this one has a disk.
    await sleep(1500);
    assert.ok(existsSync(socket));
    await killDaemon();
    const limited = ["md", "create", "-s", "40m", "-u", UID, "-w", "64m"];
    assert.match(run(...limited).err, /: ENOMEM: 40m more do not fit: uid 31021 may have 64m and is charged 40m; /);
    assert.deepEqual(run("stop"), OK);
    assert.equal(readFileSync(join(dir, "file"), "utf8"), "kept");
    assert.match(run("md", "list").out, new RegExp(`^${device} +40m +${UID}$`, "m"));
    assert.match(run("md", "resize", "-s", "65m", device).err, /: ENOMEM: 25m more do not fit/);
    assert.deepEqual(run("md", "resize", "-s", "64m", device), OK);
    assert.equal(readFileSync(join(dir, "file"), "utf8"), "kept");
    tool("umount", dir);
    assert.deepEqual(run("md", "destroy", device), OK);
    create("64m", "-w", "64m");
  },
);

test("a disk that a program has open stays whole; another daemon's are none of ours", NEEDS_LOOP, async (t) => {
  const { run, create } = diskPlace(t);
  const device = create("4m");
  const fd = openSync(device, "r");
  try {
    const refused = run("md", "destroy", device);
    assert.match(refused.err, /: EBUSY: \/dev\/loop\d+ stays: a program has it open; end that first\n$/);
  } finally {
    closeSync(fd);
  }
  assert.ok(ours(device));
  const other = diskPlace(t);
  assert.equal(other.run("md", "list").out.split("\n").length, 2);
  assert.match(other.run("md", "destroy", device).err, /: ENODEV: \/dev\/loop\d+ is no memory disk of this daemon; /);
  assert.deepEqual(run("md", "destroy", device), OK);
});

test("what is no disk is told", NEEDS_LOOP, async (t) => {
  const { run } = diskPlace(t);
  for (const [args, code, problem] of [
    [["create", "-s", "0"], 1, /EINVAL: a disk of no size/],
    [["create", "-s", "lots"], 2, /"lots" is no size/],
    [["create", "-s", "1m", "-u", "nobody"], 2, /say a number, as id -u prints it/],
    [["create", "-s", "1m", "-u", "4294967295"], 1, /EINVAL: 4294967295 is no uid/],
    [["create", "-s", "infinity"], 2, /"infinity" is no size/],
    [["create"], 2, /required option/],
    [["destroy", "/dev/null"], 1, /ENODEV: \/dev\/null is no memory disk of this daemon/],
    [["resize", "-s", "1m", "/dev/a b"], 1, /EINVAL: md takes create BYTES UID LIMIT/],
  ] as const) {
    const ran = run("md", ...args);
    assert.deepEqual([ran.code, ran.out], [code, ""], args.join(" "));
    assert.match(ran.err, problem);
    assert.equal(ran.err.split("\n").length, 2, ran.err);
  }
});

test("only root's daemon makes disks, and says so", NEEDS_LOOP, async () => {
  process.seteuid!(Number(UID));
  try {
    const disks = composeDisks("/nowhere/daemon", {} as Accountant);
    assert.equal(disks.any, false);
    const refusal = { message: /^EPERM: memory disks are loop devices, which only root makes; / };
    assert.throws(() => disks.list(), refusal);
    await assert.rejects(disks.create(MIB, Number(UID), Number.POSITIVE_INFINITY), refusal);
    await assert.rejects(disks.destroy("/dev/loop0"), refusal);
  } finally {
    process.seteuid!(0);
  }
});
