import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { readDirectory } from "../../core/policy/directory.ts";
import { formatProblem } from "../../core/policy/statement.ts";
import { policyFile, policyFiles } from "./policy-files.ts";
import { readPolicy } from "./read-policy.ts";
import { readStatements } from "./statements.ts";

const SEED = Number(process.env["LYONNAIS_SEED"] ?? 11);
const NOBODY = readDirectory("", "");

function place(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-policy-"));
  t.after(() => rmSync(dir, { recursive: true }));
  return dir;
}

const problemsOf = (text: string): string[] => readPolicy([{ path: "f", text }], NOBODY).problems.map(formatProblem);

test("headings and settings have their places, however they are written", () => {
  const text = `\ufeff# all
[default]
swap = "4g"   # enough
 "job"="2g"
[user]
  ann = { swap = "1g", job = "2g" }
[ user . "b.c" ]
user2 = 3\r
`;
  const { statements, problems } = readStatements("f", text);
  assert.deepEqual(problems, []);
  assert.deepEqual(
    statements.map(({ path, value, place: { line, column }, valuePlace }) => [
      path.join("/"),
      value,
      line,
      column,
      valuePlace.column,
    ]),
    [
      ["default", undefined, 2, 1, 1],
      ["default/swap", "4g", 3, 1, 8],
      ["default/job", "2g", 4, 2, 8],
      ["user", undefined, 5, 1, 1],
      ["user/ann/swap", "1g", 6, 3, 9],
      ["user/ann/job", "2g", 6, 3, 9],
      ["user/b.c", undefined, 7, 1, 1],
      ["user/b.c/user2", 3, 8, 1, 9],
    ],
  );
});

test("what is no TOML, and what no setting takes, has its place", () => {
  assert.match(problemsOf("[default]\nswap = 4g\n")[0]!, /^f:2:\d+: no TOML: /);
  assert.match(problemsOf("[default]\n[default]\n")[0]!, /^f:2:\d+: no TOML: trying to redefine/);
  assert.deepEqual(problemsOf('[default]\nswap = """\n4g"""\n'), [
    "f:2:1: no setting takes a value of more than one line",
  ]);
  assert.match(problemsOf("[default]\nswap = [1]\n")[0]!, /^f:2:8: swap: a list is not what it takes/);
  assert.match(problemsOf("[[user]]\nswap = 3\n")[0]!, /^f:2:1: \[user\.swap\] is a section/);
  assert.match(
    problemsOf("[user.first.last]\nswap = '1g'\n")[0]!,
    /a name with a dot is quoted: \[user\."first\.last"\]$/,
  );
});

test("the file comes first, then what is in limits.d, by name; other files there are none", (t) => {
  const dir = place(t);
  const config = join(dir, "limits.toml");
  assert.deepEqual(policyFiles(config), []);
  mkdirSync(join(dir, "limits.d"));
  for (const name of [
    "limits.toml",
    "limits.d/20-b.toml",
    "limits.d/10-a.toml",
    "limits.d/.x.toml",
    "limits.d/c.toml~",
  ]) {
    writeFileSync(join(dir, name), `# ${name}`, { mode: 0o644 });
  }
  assert.deepEqual(
    policyFiles(config).map(({ text }) => text),
    ["# limits.toml", "# limits.d/10-a.toml", "# limits.d/20-b.toml"],
  );
});

test("a file that others could change, or that is no file, is refused", (t) => {
  const dir = place(t);
  const file = join(dir, "limits.toml");
  writeFileSync(file, "");
  chmodSync(file, 0o664);
  assert.throws(() => policyFile(file), { code: "EPERM" });
  assert.throws(() => policyFile(dir), { code: "EINVAL" });
  assert.throws(() => policyFile(join(dir, "none")), { code: "ENOENT" });
});

test("whatever a file says, it is read or told with a place in it", () => {
  const words = ["[", "]", "default", "user", "group", "range", ".", '"', "'", "=", "\n", " ", "swap", "job", "exempt"];
  const more = [
    "true",
    "4g",
    "1000-2000",
    "#",
    "{",
    "}",
    ",",
    '"""',
    "\\",
    "__proto__",
    "constructor",
    "0",
    "-1",
    "1e9",
    "\r",
  ];
  const token = fc.oneof(fc.constantFrom(...words, ...more), fc.string({ maxLength: 3 }));
  const noise = fc.array(token, { maxLength: 60 }).map((tokens) => tokens.join(""));
  const name = fc.constantFrom("alice", "1000", '"a.b"', "007", "5-9", "9-5", "__proto__", '""', "swap");
  const heading = fc
    .tuple(fc.constantFrom("default", "user", "group", "range", "usr"), fc.array(name, { maxLength: 3 }))
    .map(([kind, names]) => `[${[kind, ...names].join(".")}]`);
  const value = fc.constantFrom(
    '"4g"',
    '"4g:8g"',
    "3",
    "true",
    "1e9",
    "nan",
    "{}",
    '{ swap = "1g" }',
    "1979-05-27",
    "[]",
    '"x"',
  );
  const key = fc.constantFrom(
    "swap",
    "job",
    "exempt",
    "enrol",
    "overcommit",
    "swop",
    "user.bob.swap",
    '"swap"',
    "__proto__",
  );
  const setting = fc.tuple(key, value).map(([key, value]) => `${key} = ${value}`);
  const file = fc.array(fc.oneof(heading, setting), { maxLength: 12 }).map((lines) => lines.join("\n"));
  const text = fc.oneof(noise, file);
  fc.assert(
    fc.property(text, (text) => {
      const lines = text.split("\n").length;
      const { policy, problems } = readPolicy([{ path: "f", text }], NOBODY);
      for (const { place } of [...policy, ...problems]) {
        assert.ok(place.line >= 1 && place.line <= lines && place.column >= 1, JSON.stringify(place));
      }
      for (const problem of problems) assert.doesNotMatch(formatProblem(problem), /undefined|\[object/);
    }),
    { seed: SEED, numRuns: 20_000 },
  );
});
