import assert from "node:assert/strict";
import { test } from "node:test";
import { readDirectory } from "./directory.ts";
import { makePolicy } from "./policy.ts";
import { readSettings } from "./rules.ts";
import { formatProblem, type Statement } from "./statement.ts";
import { subordinateWarnings } from "./subordinates.ts";

const PEOPLE = readDirectory("root:x:0:0::\nann:x:10:10::\nbob:x:11:11::\n", "");

/** Of settings as `section.key=value`, one a line. */
function warnings(subuid: string, ...settings: readonly string[]): string[] {
  const statements = settings.map((setting, i): Statement => {
    const [path = "", value] = setting.split("=");
    const place = { file: "f", line: i + 1, column: 1 };
    return { path: path.split("."), value: value === "true" ? true : value, place, valuePlace: place };
  });
  const { policy, problems } = makePolicy(readSettings(statements).settings, PEOPLE);
  assert.deepEqual(problems, []);
  return subordinateWarnings(policy, PEOPLE, subuid).map(formatProblem);
}

const told = (heading: string, who: string, line = 1): string =>
  `f:${line}:1: warning: ${heading}: /etc/subuid gives ${who} other uids, which swap does not count with his own: say job as well`;

test("swap without job is a warning for who has subordinate uids, by name or by number", () => {
  assert.deepEqual(warnings("ann:100000:65536\n", "user.ann.swap=1g"), [told("[user.ann]", "ann")]);
  assert.deepEqual(warnings("10:100000:65536", "user.10.swap=1g"), [told("[user.10]", "ann")]);
  assert.deepEqual(warnings("77:100000:65536", "default.swap=1g"), [told("[default]", "77")]);
});

test("each setting is told once, and only where it is what holds", () => {
  const both = "ann:100000:65536\nbob:165536:65536\n";
  assert.deepEqual(warnings(both, "default.swap=1g"), [told("[default]", "ann")]);
  assert.deepEqual(warnings(both, "default.swap=1g", "user.ann.job=2g"), [told("[default]", "bob")]);
  assert.deepEqual(warnings(both, "default.swap=1g", "default.job=2g"), []);
  assert.deepEqual(warnings(both, "user.ann.exempt=true", "user.bob.job=1g", "default.swap=1g"), []);
});

test("nobody has subordinate uids by a line that gives none, or to nobody", () => {
  for (const subuid of ["", "ann:100000:0\n", "ann\n", "# ann:100000:65536\n", "zoe:100000:65536\n", "root:1:9\n"])
    assert.deepEqual(warnings(subuid, "default.swap=1g"), [], subuid);
});
