import assert from "node:assert/strict";
import { test } from "node:test";
import { readDirectory } from "./directory.ts";
import { holdsFor, isLimited, makePolicy, overcommitOf, type Policy } from "./policy.ts";
import { readSettings } from "./rules.ts";
import { formatProblem, type Statement } from "./statement.ts";

const G = 1024 ** 3;

const PASSWD = ["root:x:0:0", "alice:x:1000:100", "bob:x:1001:101", "carol:x:1002:101", "1003:x:1500:100"].join("\n");
const GROUP = ["staff:x:101:alice", "users:x:100:", "wheel:x:10:root,bob,nobody-there"].join("\n");
const DIRECTORY = readDirectory(PASSWD, GROUP);

/** `section.key=value` each, in their order; a number is a number, true and false are those. */
function statements(...lines: readonly string[]): Statement[] {
  return lines.map((line, i) => {
    const [path, text] = line.split("=") as [string, string];
    const value = /^\d+$/.test(text) ? Number(text) : text === "true" ? true : text === "false" ? false : text;
    const place = { file: "f", line: i + 1, column: 1 };
    return { path: path.split("."), value, place, valuePlace: { ...place, column: 9 } };
  });
}

function read(...lines: readonly string[]): { policy: Policy; problems: string[] } {
  const { settings, problems } = readSettings(statements(...lines));
  const made = makePolicy(settings, DIRECTORY);
  return { policy: made.policy, problems: [...problems, ...made.problems].map(formatProblem) };
}

function policy(...lines: readonly string[]): Policy {
  const { policy, problems } = read(...lines);
  assert.deepEqual(problems, []);
  return policy;
}

const softOf = (rules: Policy, uid: number): number | undefined => holdsFor(rules, uid).swap?.value.soft;

test("user before group before range before default, whatever the order of the files", () => {
  const all = ["default.swap=1g", "range.1000-1001.swap=2g", "group.staff.swap=3g", "user.alice.swap=4g"];
  for (const lines of [all, [...all].reverse()]) {
    const rules = policy(...lines);
    assert.equal(softOf(rules, 1000), 4 * G);
    assert.equal(softOf(rules, 1001), 3 * G);
    assert.equal(softOf(policy(...lines.filter((line) => !line.startsWith("group"))), 1001), 2 * G);
    assert.equal(softOf(rules, 5000), G);
  }
});

test("each setting is found by itself: a user's own limit leaves him the default's job", () => {
  const rules = policy("default.job=1g", "default.swap=1g", "user.1000.swap=4g:8g");
  const { swap, job } = holdsFor(rules, 1000);
  assert.deepEqual([swap?.value, swap?.heading], [{ soft: 4 * G, hard: 8 * G }, "[user.1000]"]);
  assert.deepEqual([job?.value, job?.heading], [G, "[default]"]);
});

test("of equals what is read later counts, of ranges the narrower one, of groups what is read later", () => {
  assert.equal(softOf(policy("user.alice.swap=1g", "user.1000.swap=2g"), 1000), 2 * G);
  assert.equal(softOf(policy("range.5-9.swap=1g", "range.1-1000.swap=2g"), 7), G);
  assert.equal(softOf(policy("group.staff.swap=1g", "group.users.swap=2g"), 1000), 2 * G);
});

test("a group is who has it as the primary one, and who is listed", () => {
  const rules = policy("group.staff.swap=1g");
  assert.deepEqual(
    [1000, 1001, 1002, 1003].map((uid) => softOf(rules, uid) !== undefined),
    [true, true, true, false],
  );
  assert.equal(softOf(policy("group.101.swap=1g"), 1001), G);
});

test("who is exempt has nothing that is less specific, and what is more specific all the same", () => {
  const rules = policy("default.swap=1g", "default.job=1g", "group.staff.exempt=true", "user.bob.swap=2g");
  assert.equal(isLimited(holdsFor(rules, 1000)), false);
  assert.equal(softOf(rules, 1001), 2 * G);
  assert.equal(holdsFor(rules, 1001).job, undefined);
  const back = policy("default.swap=1g", "user.alice.exempt=true", "user.1000.exempt=false");
  assert.equal(softOf(back, 1000), G);
});

test("root is in no default, range or group", () => {
  const rules = policy("default.job=1g", "range.0-9.job=1g", "group.wheel.job=1g");
  assert.equal(isLimited(holdsFor(rules, 0)), false);
  assert.equal(holdsFor(policy("user.root.job=1g"), 0).job?.value, G);
});

test("what is said of the whole machine", () => {
  assert.equal(overcommitOf(policy("default.overcommit=3")), 3);
  assert.equal(overcommitOf(policy("default.swap=1g")), undefined);
});

test("what is wrong is told with its place and what was meant", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["user.alice.swop=1g", /^f:1:1: there is no setting swop; did you mean swap\?$/],
    ["users.alice.swap=1g", /^f:1:1: there is no section users; did you mean user\?$/],
    ["zebra.alice.swap=1g", /^f:1:1: there is no section zebra; there are default, user, group, range$/],
    ["user.alice.swap=lots", /^f:1:9: swap: "lots" is no size: .* as in swap = "4g:8g"$/],
    ["user.alice.swap=8g:4g", /^f:1:9: swap: the hard limit is below the soft one/],
    ["user.alice.swap=1", /^f:1:9: swap: with 4k no program can begin/],
    ["user.alice.job=true", /^f:1:9: job: true is not what it takes; it takes a size, as in job = "2g"$/],
    ["user.alice.exempt=yes", /^f:1:9: exempt: "yes" is not what it takes; it takes true or false, without quotes$/],
    ["user.alice.overcommit=3", /^f:1:1: overcommit is about the whole machine/],
    ["default.overcommit=8", /^f:1:9: overcommit: 8 is not what it takes/],
    ["default.enrol=never", /^f:1:9: enrol: "never" is not what it takes; it takes "automatic" or "login"$/],
    ["user.root.swap=1g", /^f:1:1: swap does not bind root/],
    ["user.0.swap=1g", /^f:1:1: swap does not bind root/],
    ["user.007.swap=1g", /^f:1:1: 007 is not how an id is written; say 7$/],
    ["user.4294967295.swap=1g", /^f:1:1: 4294967295 is no uid; the highest is 4294967294$/],
    ["user.0x10.swap=1g", /^f:1:1: warning: \[user\.0x10\]: \/etc\/passwd has no user 0x10: it is for nobody$/],
    ["user.-1.swap=1g", /^f:1:1: "-1" is neither a name nor a uid$/],
    ["user.1003.swap=1g", /^f:1:1: \[user\.1003\]: 1003 is an id, and the name of the user whose id is 1500/],
    ["group.nobody.swap=1g", /^f:1:1: warning: .* has no group nobody: it is for nobody$/],
    ["range.9-1.swap=1g", /^f:1:1: 9-1 ends before it begins; say \[range\."1-9"\]$/],
    ["range.1000.swap=1g", /^f:1:1: "1000" is no range of uids; say \[range\."1000-60000"\]$/],
    ["user.swap=1g", /^f:1:1: \[user\.swap\] is a section: its settings stand below that line$/],
    ["default.swap.soft=1g", /^f:1:1: swap of \[default\] has no settings of its own$/],
  ];
  for (const [line, expected] of cases) {
    const { problems } = read(line);
    assert.equal(problems.length, 1, `${line}: ${problems.join("\n")}`);
    assert.match(problems[0]!, expected);
  }
});

test("a section that is exempt and has a limit contradicts itself", () => {
  const { problems } = read("user.5.swap=1g", "user.5.exempt=true");
  assert.deepEqual(problems, ["f:2:1: [user.5] is exempt and has swap as well: take one away"]);
});

test("a heading that is wrong is told once", () => {
  const place = { file: "f", line: 1, column: 1 };
  const heading: Statement = { path: ["usr", "a"], place, valuePlace: place };
  const below = statements("usr.a.swap=1g", "usr.a.swop=1g", "default.swop=1");
  const { problems } = readSettings([heading, ...below]);
  assert.deepEqual(
    problems.map(({ text }) => text.split(";")[0]),
    ["there is no section usr", "there is no setting swop"],
  );
});
