// Boots Debian's kernels under QEMU, runs tests in each, and prints one table: npm run kernels [-- --short --arch amd64|arm64 --kernel PACKAGE --test PATHPART]
// Needs root (the owners of a system's files), qemu-system-x86 and qemu-system-arm, e2fsprogs, cpio, xz-utils, apt. What is fetched stays in the user's cache.
// TCG, not KVM: some machines have a /dev/kvm whose guests hang. An emulated guest is some ten times slower, and up in seconds.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Apt } from "./apt.mjs";
import { bootFiles, busyboxOf, checkoutImage, systemImage } from "./images.mjs";
import { jobScript, LONG, SHORT } from "./job.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const checkout = join(here, "..", "..");
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "lyonnais", "kernels");

/** By Debian's name of the processor. */
const MACHINES = {
  amd64: {
    nodeArch: "x64",
    qemu: ["qemu-system-x86_64", "-cpu", "max"],
    console: "ttyS0",
    kernels: ["linux-image-amd64", "linux-image-6.12-amd64"],
  },
  arm64: {
    nodeArch: "arm64",
    qemu: ["qemu-system-aarch64", "-M", "virt", "-cpu", "max,pauth-impdef=on"],
    console: "ttyAMA0",
    kernels: ["linux-image-arm64"],
  },
};

const { values: flags } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    arch: { type: "string", multiple: true },
    kernel: { type: "string", multiple: true },
    node: { type: "string", default: "24" },
    test: { type: "string", multiple: true },
    minutes: { type: "string", default: "60" },
  },
});

/** Boots one kernel and hands out each line of the console; resolves when the guest has ended, or was ended. */
async function boot({ qemu, console: terminal }, files, images, tell) {
  const disks = images.flatMap((file) => ["-drive", `file=${file},format=raw,if=virtio,snapshot=on`]);
  const append = `console=${terminal} panic=-1 quiet`;
  const [program, ...machine] = qemu;
  const guest = spawn(
    program,
    [
      ...machine,
      "-accel",
      "tcg,thread=multi",
      "-smp",
      "2",
      "-m",
      "4096",
      "-nographic",
      "-net",
      "none",
      "-no-reboot",
    ].concat(["-kernel", files.vmlinuz, "-initrd", files.initrd, "-append", append, ...disks]),
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const timer = setTimeout(() => guest.kill("SIGKILL"), Number(flags.minutes) * 60_000);
  const closed = once(guest, "close");
  for await (const line of createInterface({ input: guest.stdout })) tell(line.replace(/\p{Cc}/gu, ""));
  await closed;
  clearTimeout(timer);
}

/** The rows of one guest by name: what is put in the table. */
async function tryKernel(machine, files, images, log) {
  const rows = new Map();
  const failures = [];
  let counts = {};
  let ended = false;
  await boot(machine, files, images, (line) => {
    log.write(`${line}\n`);
    const count = /^ℹ (pass|fail|skipped) (\d+)/.exec(line);
    if (count) counts[count[1]] = Number(count[2]);
    const failure = /^✖ (.+) \([\d.]+ms\)$/.exec(line.trim());
    if (failure && !failures.includes(failure[1])) failures.push(failure[1]);
    ended ||= line === "== guest ended";
    const end = /^== end (.+) (\d+) (\d+)$/.exec(line);
    if (!end) return;
    const [, name, status, seconds] = end;
    const said =
      name === "tests"
        ? `${counts.pass ?? 0} of ${(counts.pass ?? 0) + (counts.fail ?? 0)}`
        : status === "0"
          ? "ok"
          : `failed (${status})`;
    rows.set(name, `${said}, ${seconds} s`);
    counts = {};
  });
  return { rows, failures, ended };
}

if (process.getuid() !== 0) throw new Error("a system's files belong to root: run this as root");
mkdirSync(cache, { recursive: true });
const work = mkdtempSync(join(tmpdir(), "lyonnais-kernels-"));
const table = new Map();
try {
  const arches = flags.arch ?? (flags.short ? ["amd64"] : Object.keys(MACHINES));
  for (const arch of arches) {
    const machine = MACHINES[arch];
    if (!machine) throw new Error(`no machine ${arch}: ${Object.keys(MACHINES).join(" or ")}`);
    const apt = new Apt(cache, arch);
    const system = systemImage(apt, cache, arch);
    const script = jobScript(flags.test ?? (flags.short ? SHORT : LONG));
    const ours = machine.nodeArch === process.arch;
    const image = checkoutImage(work, checkout, { major: flags.node, nodeArch: machine.nodeArch, ours, script });
    for (const name of flags.kernel ?? (flags.short ? machine.kernels.slice(0, 1) : machine.kernels)) {
      const files = bootFiles(work, apt.kernel(name).deb, busyboxOf(system, work), join(here, "init"));
      const path = join(cache, `${files.version}.log`);
      process.stderr.write(`${arch} Linux ${files.version}: what it says is in ${path}\n`);
      table.set(`${arch} ${files.version}`, await tryKernel(machine, files, [system, image], createWriteStream(path)));
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

const names = [...new Set([...table.values()].flatMap(({ rows }) => [...rows.keys()]))];
const cells = [
  ["", ...table.keys()],
  ...names.map((name) => [name, ...[...table.values()].map(({ rows }) => rows.get(name) ?? "did not end")]),
];
const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
for (const row of cells)
  process.stdout.write(
    `${row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join("  ")
      .trimEnd()}\n`,
  );
for (const [kernel, { failures }] of table)
  for (const name of failures) process.stdout.write(`failed on ${kernel}: ${name}\n`);
// A guest that did not reach its last row, or a row that failed.
const good = [...table.values()].every(
  ({ rows, ended, failures }) =>
    ended && failures.length === 0 && [...rows.values()].every((said) => !said.startsWith("failed")),
);
process.exitCode = good ? 0 : 1;
