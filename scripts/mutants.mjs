/**
 * Mutation tests of the pure parts: the built JavaScript is changed in one place at a time, and the unit tests of that folder have to notice.
 *   npm run mutants [-- [--least PER_CENT] [--sample COUNT] [--seed SEED] [--only TEXT] [--again FILE] [FOLDER…]]
 * FOLDER is one of core/…. A sample has so many mutants of each folder, the same ones for the same seed; --only takes those in places
 * (file:line) that contain TEXT, --again those that FILE, a copy of mutants.txt, has as survivors. What survives is in mutants.txt. Ends
 * with status 1 when a folder has less than PER_CENT killed.
 * StrykerJS's instrumenter makes the mutants. It is fetched from npm into a temporary directory and is no dependency. All mutants of a
 * folder are in one copy of it, and one is on at a time: so a process runs many, each with the tests that reach it and no others.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fetchInstrumenter, instrument } from "./mutants/instrument.mjs";
import { Worker } from "./mutants/pool.mjs";

const FOLDERS = ["abi", "trace", "procfs", "vm", "charges", "trap", "space", "grants", "population", "notify"];
/** Unit tests that judge a folder from outside it. */
const ELSEWHERE = { vm: ["dist/test/rules/vectors.test.js"] };
/** Folders whose unit tests judge this one as well: what they are about is made of it. */
const ABOVE = {
  trap: ["notify"],
  space: ["grants", "population", "notify"],
  grants: ["population", "notify"],
  population: ["notify"],
};
/** A mutant that is reached this many times as often as the code it changes has an endless loop. */
const TOO_OFTEN = 100;
/** For what loops without being reached. */
const TOO_LONG_MS = 20_000;

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    least: { type: "string", default: "0" },
    sample: { type: "string", default: "Infinity" },
    seed: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    again: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  const [, usage] = /\/\*\*\n(.*?)\n \*\//s.exec(readFileSync(fileURLToPath(import.meta.url), "utf8"));
  console.log(usage.replaceAll(/^ \* ?/gm, ""));
  process.exit(0);
}
const folders = positionals.length > 0 ? positionals : FOLDERS;

function filesIn(dir, wanted) {
  return readdirSync(dir, { recursive: true })
    .map((name) => join(dir, name))
    .filter((name) => name.endsWith(".js") && name.endsWith(".test.js") === wanted)
    .sort();
}

/** `count` of `all` at random, in order. */
function sample(all, count, seed) {
  let state = seed >>> 0;
  const drawn = all.map((one) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return [state, one];
  });
  const most = drawn.map(([number]) => number).sort((a, b) => a - b)[Math.min(count, all.length) - 1];
  return drawn.filter(([number]) => number <= most).map(([, one]) => one);
}

/** Mutants that no test has noticed, of those that `worker` is asked for. */
async function* survivors(mutants, worker) {
  const problem = await worker.start();
  if (problem) throw new Error(`the tests do not load: ${problem}`);
  const baseline = await worker.ask({ survey: true }, 300_000);
  if (!baseline || baseline.failed) throw new Error(`without a mutant: ${baseline?.failed ?? "the tests do not end"}`);
  const { figures, atLoad, reached } = baseline;
  const fastest = figures.map((_, i) => i).sort((a, b) => figures[a].ms - figures[b].ms);
  const isAtLoad = new Set(atLoad);
  for (const mutant of mutants) {
    const { id } = mutant;
    if (isAtLoad.has(id)) {
      // Load it with the mutant, then every test may depend on what was loaded.
      if (await worker.start(id)) continue;
      const answer = await worker.ask({ mutant: id, tests: fastest, hits: undefined }, TOO_LONG_MS);
      worker.stop();
      if (answer?.killer === null) yield mutant;
      continue;
    }
    const tests = fastest.filter((i) => reached[i][id] > 0);
    const hits = tests.reduce((sum, i) => sum + reached[i][id], 0) * TOO_OFTEN;
    const answer = tests.length === 0 ? { killer: null } : await worker.ask({ mutant: id, tests, hits }, TOO_LONG_MS);
    if (answer?.killer === null) yield { ...mutant, unreached: tests.length === 0 };
  }
}

function line({ file, line, text, replacement, kind, unreached }, place) {
  const [first] = replacement.split("\n");
  return `${relative(place, file)}:${line} ${unreached ? "NOT REACHED " : ""}${kind}: ${text.slice(0, 90)}  =>  ${first.slice(0, 50)}`;
}

/** The same for a mutant whose code stands a few lines further by now. */
const withoutLine = (text) => text.replace(/:\d+ (NOT REACHED )?/, " ");
const again = values.again && new Set(readFileSync(values.again, "utf8").split("\n").map(withoutLine));

const place = mkdtempSync(join(tmpdir(), "lyonnais-mutants-"));
const report = [];
let worst = 100;
try {
  fetchInstrumenter(join(place, "tools"));
  for (const each of ["src", "test", "docs", "package.json"])
    cpSync(join(root, each), join(place, each), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(place, "node_modules"));
  const shim = fileURLToPath(new URL("mutants/node-test.mjs", import.meta.url));
  for (const folder of folders) {
    rmSync(join(place, "dist"), { recursive: true, force: true });
    cpSync(join(root, "dist"), join(place, "dist"), { recursive: true });
    const dir = join(place, "dist/src/core", folder);
    const above = (ABOVE[folder] ?? []).flatMap((each) => filesIn(join(place, "dist/src/core", each), true));
    const tests = [...filesIn(dir, true), ...above, ...(ELSEWHERE[folder] ?? []).map((name) => join(place, name))];
    for (const name of tests)
      writeFileSync(name, readFileSync(name, "utf8").replaceAll('"node:test"', JSON.stringify(shim)));
    const all = await instrument(join(place, "tools"), filesIn(dir, false));
    const wanted = all.filter(
      (each) =>
        `${each.file}:${each.line}`.includes(values.only) &&
        (!again || again.has(withoutLine(line(each, join(place, "dist/src"))))),
    );
    const mutants = sample(wanted, Number(values.sample), Number(values.seed));
    const worker = new Worker(place, tests);
    const begin = performance.now();
    const lines = [];
    for await (const one of survivors(mutants, worker)) lines.push(line(one, join(place, "dist/src")));
    worker.stop();
    const killed = mutants.length - lines.length;
    const share = (100 * killed) / Math.max(1, mutants.length);
    worst = Math.min(worst, share);
    const seconds = (performance.now() - begin) / 1000;
    const of = mutants.length === all.length ? "" : ` (a sample of ${all.length})`;
    const summary = `core/${folder}: ${killed} of ${mutants.length} mutants killed, ${share.toFixed(1)} %${of}`;
    console.log(`${summary}, in ${seconds.toFixed(0)} s`);
    report.push(summary, ...lines, "");
    writeFileSync(join(root, "mutants.txt"), report.join("\n"));
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
if (worst < Number(values.least)) console.error(`less than ${values.least} % killed; mutants.txt has the survivors`);
process.exit(worst >= Number(values.least) ? 0 : 1);
