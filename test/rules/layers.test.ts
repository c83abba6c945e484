import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { test } from "node:test";
import { ROOT } from "../support/paths.ts";

const SOURCES: ReadonlyMap<string, string> = new Map(
  readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".d.ts"))
    .map((path) => [join("src", path), readFileSync(join(ROOT, "src", path), "utf8")]),
);
const product = [...SOURCES].filter(([path]) => !path.endsWith(".test.ts"));

test("koffi is imported by one module", () => {
  const importers = product.filter(([, text]) => /from "koffi"/.test(text)).map(([path]) => path);
  assert.deepEqual(importers, ["src/host/linux/ffi/libc.ts"]);
});

test("only host/linux asks which processor this is", () => {
  const asking = product.filter(([, text]) => /process\.arch\b/.test(text)).map(([path]) => path);
  assert.deepEqual(asking, ["src/host/linux/host-arch.ts"]);
});

test("every folder imports only what its tsconfig refers to", () => {
  for (const [path, text] of product) {
    const project = [path, ...ancestors(path)].find((dir) => dir !== path && hasProject(dir))!;
    const references: string[] = JSON.parse(readFileSync(join(ROOT, project, "tsconfig.json"), "utf8")).references.map(
      ({ path: to }: { path: string }) => normalize(join(project, to)),
    );
    for (const [, to] of text.matchAll(/from "(\.[^"]+)"/g)) {
      const target = normalize(join(dirname(path), to!));
      const allowed = [project, ...references].some((dir) => !relative(dir, target).startsWith(".."));
      assert.ok(allowed, `${path} imports ${target}`);
    }
  }
});

test("procfs knows no system call number, the transports no process", () => {
  for (const [path, text] of product) {
    if (path.startsWith("src/core/procfs/")) assert.doesNotMatch(text, /core\/abi|\/abi\//, path);
    if (path.startsWith("src/core/wire/")) assert.doesNotMatch(text, /procfs|\/trace\//, path);
  }
});

test("paths of processes are made in one place, from the table of what waits", () => {
  const making = product.filter(([, text]) => /`\/proc\/\$\{/.test(text)).map(([path]) => path);
  assert.deepEqual(making, ["src/host/linux/proc-file.ts"]);
});

test("a command that only asks a daemon, or files, does not load what a daemon is made of", () => {
  for (const command of ["tree", "report", "limits", "md", "daemon", "mount", "enrol"]) {
    const loaded = loadedWith(join("src/cli/commands", `${command}.ts`));
    assert.ok(!loaded.has("src/app/compose.ts"), `${command} loads ${loaded.size} modules`);
  }
});

/** A module and all that its static imports lead to. */
function loadedWith(path: string, known: Set<string> = new Set()): Set<string> {
  if (known.has(path)) return known;
  known.add(path);
  for (const [, to] of SOURCES.get(path)!.matchAll(/^(?:import|export) (?!type )[^;]*?from "(\.[^"]+)"/gms)) {
    loadedWith(normalize(join(dirname(path), to!)), known);
  }
  return known;
}

test("modules stay small", () => {
  for (const [path, text] of product) {
    const lines = text.split("\n").length;
    assert.ok(lines <= 310, `${path} has ${lines} lines`);
  }
});

function ancestors(path: string): string[] {
  const dir = dirname(path);
  return dir === "." ? [] : [dir, ...ancestors(dir)];
}

function hasProject(dir: string): boolean {
  return readdirSync(join(ROOT, dir)).includes("tsconfig.json");
}
