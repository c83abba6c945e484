import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { NODE_FLAGS } from "../../src/app/node-flags.ts";
import { ROOT } from "../support/paths.ts";

interface Manifest {
  readonly bin: Record<string, string>;
  readonly exports: Record<string, string>;
  readonly dependencies: Record<string, string>;
}

const manifest: Manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

test("bin/lyonnais runs Node with the flags of the servers that are started from it", () => {
  assert.ok(readFileSync(join(ROOT, "bin/lyonnais"), "utf8").includes(`exec node ${NODE_FLAGS.join(" ")} "`));
});

test("what package.json points at is there", () => {
  for (const path of [...Object.values(manifest.bin), ...Object.values(manifest.exports)]) {
    assert.ok(existsSync(join(ROOT, path)), path);
  }
});

test("the package is imported by its name: a tree that reads this process, an accounting that counts", async () => {
  const name = "lyonnais";
  const { openLocalTree, RULE_SETS, Vm } = (await import(name)) as typeof import("../../src/app/index.ts");
  const tree = openLocalTree();
  const line = Buffer.from(await tree.read(`${process.pid}/status`, 0, 1000)).toString();
  await tree.close();
  assert.match(line, new RegExp(`^\\S+ ${process.pid} `));
  const vm = new Vm({ rules: RULE_SETS.seed });
  vm.mmap(vm.spawn({ ruid: 1001 }), { start: 1, pages: 3, prot: 3 });
  assert.equal(vm.ledger.reserved, 3);
});

test("every dependency has its page in docs/decisions", () => {
  const pages = ["002-koffi", "003-commander", "006-valibot", "009-smol-toml"];
  assert.deepEqual(Object.keys(manifest.dependencies).sort(), pages.map((page) => page.slice(4)).sort());
  for (const page of pages) assert.ok(existsSync(join(ROOT, "docs", "decisions", `${page}.md`)), page);
});
