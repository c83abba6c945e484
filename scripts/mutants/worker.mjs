/**
 * Runs unit tests with one mutant after the other, in a process of its own, which a mutant may keep busy for ever.
 *   node worker.mjs ROOT TEST_FILE…      with an IPC channel
 * The parent sends { survey: true }: all tests are run once without a mutant, and the answer tells how long each takes and how often it
 * reaches each mutant, or which of them fails. Or it sends { mutant, tests, hits }: those tests are run with that mutant until one fails or it has been reached
 * that often; the answer is the name of that test, or null. Instrumented code has its switch and its counts in `globalThis.__stryker__`.
 */
import { pathToFileURL } from "node:url";
import { tests } from "./node-test.mjs";

const [root, ...files] = process.argv.slice(2);
const stryker = {};
globalThis.__stryker__ = stryker;
const { default: fc } = await import(pathToFileURL(`${root}/node_modules/fast-check/lib/fast-check.js`).href);
// That there is a failure is all that is asked, not the smallest one.
fc.configureGlobal({ endOnFailure: true });

async function survey() {
  const figures = [];
  for (const [i, { name, run }] of tests.entries()) {
    stryker.currentTestId = String(i);
    const begin = performance.now();
    try {
      await run();
    } catch (error) {
      return { failed: `${name}: ${error?.message ?? error}` };
    }
    figures.push({ name, ms: performance.now() - begin });
  }
  stryker.currentTestId = undefined;
  const { static: atLoad = {}, perTest = {} } = stryker.mutantCoverage ?? {};
  return { figures, atLoad: Object.keys(atLoad), reached: figures.map((_, i) => perTest[i] ?? {}) };
}

async function judge({ mutant, tests: numbers, hits }) {
  stryker.activeMutant = mutant;
  stryker.hitCount = 0;
  stryker.hitLimit = hits;
  try {
    for (const i of numbers) {
      try {
        await tests[i].run();
      } catch {
        return { killer: tests[i].name };
      }
    }
    return { killer: null };
  } finally {
    stryker.activeMutant = undefined;
  }
}

process.on("message", async (request) => process.send(request.survey ? await survey() : await judge(request)));
try {
  for (const file of files) await import(pathToFileURL(file).href);
  process.send({ ready: true });
} catch (error) {
  process.send({ ready: false, error: String(error?.stack ?? error) });
}
