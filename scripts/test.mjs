// Runs the tests that are built under dist/: all of them, or those whose path contains one of the arguments.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const wanted = process.argv.slice(2);

/** A test that hangs ends its file after so long, and the run goes on: 10 minutes, or LYONNAIS_LIMIT_MINUTES. */
const LIMIT_MS = Number(process.env["LYONNAIS_LIMIT_MINUTES"] ?? 10) * 60_000;

const files = readdirSync(join(root, "dist"), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".test.js"))
  .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
  // What is left of a test that was removed since is none.
  .filter((path) => existsSync(join(root, path.replace(/^dist\//, "").replace(/\.js$/, ".ts"))))
  .filter((path) => wanted.length === 0 || wanted.some((part) => path.includes(part)))
  .sort();

if (files.length === 0) {
  process.stderr.write(`no built test matches ${wanted.join(" ")}; is the build fresh?\n`);
  process.exit(1);
}
// A daemon that runs on this machine is not to be asked; tests of daemons have a place of their own.
const runtime = join(mkdtempSync(join(tmpdir(), "lyonnais-run-")), "none");
const { status, signal } = spawnSync(
  process.execPath,
  ["--enable-source-maps", "--test", `--test-timeout=${LIMIT_MS}`, "--test-reporter=spec", ...files],
  { cwd: root, stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, LYONNAIS_RUNTIME_DIR: runtime } },
);
rmSync(dirname(runtime), { recursive: true });
process.exit(signal ? 1 : status);
