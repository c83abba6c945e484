// Mutation tests of the pure parts: StrykerJS changes the built JavaScript, one thing at a time, and runs the unit tests of that folder.
//   npm run mutants [-- [--least PER_CENT] [FOLDER…]]      FOLDER is one of core/…: notify, vm, procfs, trace, abi, …
// Stryker is fetched from npm into a temporary directory: it is no dependency. What survived is in mutants.txt.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const VERSION = "9.6.1";
const FOLDERS = ["notify", "vm", "procfs", "trace", "abi"];
/** Unit tests that judge a folder from outside it. */
const ELSEWHERE = { vm: ["dist/test/rules/vectors.test.js"] };
/** Of what stands for the machine in messages, docs and types nothing is decided. */
const IGNORED = ["StringLiteral", "ObjectLiteral"];

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { least: { type: "string", default: "0" } },
});
const folders = positionals.length > 0 ? positionals : FOLDERS;
const place = mkdtempSync(join(tmpdir(), "lyonnais-mutants-"));

function run(command, args, cwd, stdio = ["ignore", "inherit", "inherit"]) {
  const { status } = spawnSync(command, args, {
    cwd,
    stdio,
    env: { ...process.env, LYONNAIS_RUNS: process.env.LYONNAIS_RUNS ?? "60" },
  });
  return status ?? 1;
}

const config = (folder) => ({
  testRunner: "tap",
  plugins: ["@stryker-mutator/tap-runner"],
  mutate: [`dist/src/core/${folder}/**/*.js`, "!dist/**/*.test.js"],
  tap: {
    testFiles: [`dist/src/core/${folder}/**/*.test.js`, ...(ELSEWHERE[folder] ?? [])],
    nodeArgs: ["--test-reporter=tap", "-r", "{{hookFile}}", "{{testFile}}"],
    forceBail: true,
  },
  mutator: { excludedMutations: IGNORED },
  coverageAnalysis: "perTest",
  concurrency: 2,
  reporters: ["json", "progress"],
  jsonReporter: { fileName: `${folder.replaceAll("/", "-")}.json` },
  allowEmpty: true,
});

/** Counts by status, and a line for each mutant that no test has seen. */
function judge(report) {
  const survivors = [];
  let killed = 0;
  let all = 0;
  for (const [file, { source, mutants }] of Object.entries(report.files)) {
    const lines = source.split("\n");
    for (const { status, location, mutatorName, replacement = "" } of mutants) {
      if (status === "Ignored" || status === "CompileError" || status === "RuntimeError") continue;
      all++;
      if (status === "Killed" || status === "Timeout") killed++;
      else {
        const { line } = location.start;
        const text = `${lines[line - 1].trim().slice(0, 80)}  =>  ${replacement.trim().split("\n")[0].slice(0, 40)}`;
        survivors.push(`${file.replace(/^dist\//, "")}:${line} ${status} ${mutatorName}: ${text}`);
      }
    }
  }
  return { all, killed, survivors };
}

let worst = 100;
const survivors = [];
try {
  for (const each of ["dist", "package.json"]) cpSync(join(root, each), join(place, each), { recursive: true });
  mkdirSync(join(place, "node_modules"));
  const wanted = [`@stryker-mutator/core@${VERSION}`, `@stryker-mutator/tap-runner@${VERSION}`];
  const flags = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  cpSync(join(root, "package-lock.json"), join(place, "package-lock.json"));
  if (run("npm", ["install", ...flags, ...wanted], place) !== 0) throw new Error("npm could not fetch Stryker");
  // Tests find the sources beside what is built.
  for (const each of ["src", "test", "docs"]) cpSync(join(root, each), join(place, each), { recursive: true });
  for (const folder of folders) {
    writeFileSync(join(place, "stryker.config.json"), JSON.stringify(config(folder)));
    const status = run(
      process.execPath,
      [join(place, "node_modules/@stryker-mutator/core/bin/stryker.js"), "run"],
      place,
    );
    const path = join(place, `${folder.replaceAll("/", "-")}.json`);
    if (!existsSync(path)) throw new Error(`Stryker ended with ${status} and without a report for ${folder}`);
    const { all, killed, survivors: more } = judge(JSON.parse(readFileSync(path, "utf8")));
    const share = (100 * killed) / Math.max(1, all);
    worst = Math.min(worst, share);
    survivors.push(`${folder}: ${killed} of ${all}`, ...more, "");
    console.log(`core/${folder}: ${killed} of ${all} mutants killed, ${share.toFixed(1)} %`);
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
writeFileSync(join(root, "mutants.txt"), survivors.join("\n"));
process.exit(worst >= Number(values.least) ? 0 : 1);
