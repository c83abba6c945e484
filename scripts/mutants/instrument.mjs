/** Puts all mutants of some files into these files, each behind a switch, by StrykerJS's instrumenter. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const VERSION = "9.6.1";
/** Messages, docs and names stand in strings and object literals: nothing is decided by them that a type does not hold already. */
const IGNORED = ["StringLiteral", "ObjectLiteral"];

/** Fetches the instrumenter into `dir`. */
export function fetchInstrumenter(dir) {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "package.json"), "{}");
  const wanted = ["instrumenter", "api"].map((name) => `@stryker-mutator/${name}@${VERSION}`);
  const flags = ["--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status } = spawnSync("npm", ["install", ...flags, ...wanted], { cwd: dir, stdio: "inherit" });
  if (status !== 0) throw new Error("npm could not fetch @stryker-mutator/instrumenter");
}

const SILENT = Object.fromEntries(
  ["trace", "debug", "info", "warn", "error", "fatal"].flatMap((level) => [
    [level, () => {}],
    [`is${level[0].toUpperCase()}${level.slice(1)}Enabled`, () => false],
  ]),
);

/**
 * Changes `files` in place. A mutant: its id, its file, the line and the text it stands in, what stands there instead, and the name of the
 * kind of change.
 */
export async function instrument(dir, files) {
  const require = createRequire(join(dir, "package.json"));
  const load = (name) => import(pathToFileURL(require.resolve(name)).href);
  const { createInstrumenter } = await load("@stryker-mutator/instrumenter");
  const { commonTokens } = await load("@stryker-mutator/api/plugin");
  const { createInjector } = await load("typed-inject");
  const options = { mutator: { excludedMutations: IGNORED, plugins: [] }, plugins: [], warnings: false };
  const injector = createInjector()
    .provideValue(commonTokens.options, options)
    .provideValue(commonTokens.logger, SILENT)
    .provideValue(commonTokens.getLogger, () => SILENT);
  const instrumenter = injector.injectFunction(createInstrumenter);
  const sources = new Map(files.map((name) => [name, readFileSync(name, "utf8")]));
  const inputs = files.map((name) => ({ name, mutate: true, content: sources.get(name) }));
  const { files: outputs, mutants } = await instrumenter.instrument(inputs, {
    ignorers: [],
    plugins: null,
    excludedMutations: IGNORED,
  });
  for (const { name, content } of outputs) writeFileSync(name, content);
  return mutants
    .filter(({ status }) => status !== "Ignored")
    .map(({ id, fileName, location, replacement, mutatorName }) => ({
      id,
      file: fileName,
      // Counted from 0.
      line: location.start.line + 1,
      text: sources.get(fileName).split("\n")[location.start.line].trim(),
      replacement: replacement.trim(),
      kind: mutatorName,
    }));
}
