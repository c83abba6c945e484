/** `lyonnais vm` as a person and a script use it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CLI, ROOT } from "../support/paths.ts";

const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
after(() => rmSync(dir, { recursive: true }));

function vm(...args: string[]): { code: number | null; out: string; err: string } {
  const ran = spawnSync(process.execPath, [CLI, "vm", ...args], { encoding: "utf8", timeout: 30_000 });
  return { code: ran.status, out: ran.stdout, err: ran.stderr };
}

function file(text: string): string {
  const path = join(dir, "vectors.json");
  writeFileSync(path, text);
  return path;
}

const vectors = (name: string): string => join(ROOT, "test", "vectors", name);

interface Draft {
  id: string;
  title: string;
  procs: unknown[];
  steps: { text?: string; ops: Record<string, unknown>[] }[];
}

const SCENARIO: Draft = {
  id: "X1",
  title: "two pages",
  procs: [{ name: "P1", ruid: 1001 }],
  steps: [
    { ops: [{ op: "mmap", proc: "P1", start: 8, pages: 2, prot: 3, result: "OK" }] },
    {
      text: "too much",
      ops: [
        { op: "set_overcommit", bits: 1 },
        { op: "set_swap_total", pages: 2 },
        { op: "fork", proc: "P1" },
      ],
    },
  ],
};
const text = (change: (scenario: Draft) => void = () => {}): string => {
  const scenario = structuredClone(SCENARIO);
  change(scenario);
  return JSON.stringify({ scenarios: [scenario] });
};

test("check: all vectors of both rule sets pass, by the rules that the file or the option names", () => {
  assert.deepEqual(vm("check", vectors("freebsd.json")), { code: 0, out: "220 passed, 0 failed\n", err: "" });
  assert.deepEqual(vm("check", vectors("seed.json")), { code: 0, out: "155 passed, 0 failed\n", err: "" });
  const crossed = vm("check", "--rules", "seed", vectors("freebsd.json"));
  assert.equal(crossed.code, 1);
  assert.match(crossed.out, /^S14 step 2: global: expected 192, got 128 \(and \d+ more\)$/m);
  const lines = crossed.out.trimEnd().split("\n");
  const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(lines.at(-1)!)!;
  assert.equal(lines.length - 1, Number(failed));
  assert.equal(Number(passed) + Number(failed), 220);
});

test("check: a result that is not the expected one is a failure", () => {
  const path = file(
    text(({ steps }) => {
      steps[0]!.ops[0]!["result"] = "RESOURCE_SHORTAGE";
    }),
  );
  const ran = vm("check", path);
  assert.deepEqual([ran.code, ran.err], [1, ""]);
  assert.equal(ran.out, "X1 step 1: mmap: expected RESOURCE_SHORTAGE, got OK\n1 passed, 1 failed\n");
});

test("run: the states as people read them, refusals named", () => {
  assert.deepEqual(vm("run", "--step", file(text())), {
    code: 0,
    out: `\
X1. two pages
1) mmap
   G=2  u1001=2
     P1(ruid 1001): [8,10) rw- E:u1001:2 obj=nil
2) too much   => ENOMEM
   G=2  u1001=2
     P1(ruid 1001): [8,10) rw- E:u1001:2 obj=nil

`,
    err: "",
  });
});

test("run --json: the same for programs", () => {
  const [ran] = JSON.parse(vm("run", "--json", "--rules", "seed", file(text())).out);
  assert.deepEqual([ran.id, ran.title, ran.rules], ["X1", "two pages", "seed"]);
  assert.deepEqual(
    ran.steps.map(({ results }: { results: string[] }) => results),
    [["OK"], ["OK", "OK", "ENOMEM"]],
  );
  assert.equal(ran.steps[1].state.global, 2);
  assert.deepEqual(ran.steps[1].state.maps.P1.entries[0].charge, { uid: 1001, pages: 2 });
});

const MALFORMED: readonly (readonly [what: string, text: string, place: RegExp])[] = [
  ["no JSON", '{"scenarios": [\n  {]', /line 2 column 4: /],
  ["cut off", '{"scenarios": [', /line 1 column 16: /],
  ["another shape", "[]", /the file: /],
  ["nothing in it", "{}", /the file: has neither/],
  [
    "an unknown operation",
    text(({ steps }) => {
      steps[0]!.ops[0]!["op"] = "mmapp";
    }),
    /scenarios\[0\]\.steps\[0\]\.ops\[0\]\.op: unknown operation "mmapp"/,
  ],
  [
    "a wrong argument",
    text(({ steps }) => {
      steps[0]!.ops[0]!["start"] = -1;
    }),
    /scenarios\[0\]\.steps\[0\]\.ops\[0\]\.start: Expected >=0 but received -1/,
  ],
  [
    "a misspelt argument",
    text(({ steps }) => {
      steps[0]!.ops[0]!["shraed"] = true;
    }),
    /scenarios\[0\]\.steps\[0\]\.ops\[0\]\.shraed: there is no such key here/,
  ],
  [
    "a process that is not there",
    text(({ steps }) => {
      steps[1]!.ops[2]!["proc"] = "P9";
    }),
    /scenarios\[0\]\.steps\[1\]\.ops\[2\]\.proc: there is no process "P9"/,
  ],
];
for (const [what, content, place] of MALFORMED) {
  test(`a malformed file is wrong usage, with the place: ${what}`, () => {
    for (const command of ["check", "run"]) {
      const ran = vm(command, file(content));
      assert.equal(ran.code, 2);
      assert.match(ran.err, new RegExp(`^lyonnais: vm ${command} \\S+: ${place.source}[^\\n]*\\n$`));
    }
  });
}
