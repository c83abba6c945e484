/** What is concluded from the options of /proc and from the label of a security module. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findingOfLabel, findingOfProc } from "./surroundings.ts";

test("hidepid concerns nobody who is root or in its group; where it goes by tracing no group helps", () => {
  const rows: readonly (readonly [options: string, uid: number, groups: readonly number[], verdict: string])[] = [
    ["rw", 1000, [1000], "ok"],
    ["rw,hidepid=off", 1000, [1000], "ok"],
    ["rw,hidepid=invisible", 0, [0], "ok"],
    ["rw,hidepid=invisible", 1000, [1000], "warn"],
    ["rw,gid=27,hidepid=invisible", 1000, [1000, 27], "ok"],
    ["rw,gid=27,hidepid=2", 1000, [1000, 7], "warn"],
    ["rw,hidepid=noaccess", 1000, [1000, 0], "ok"],
    ["rw,gid=27,hidepid=ptraceable", 1000, [1000, 27], "warn"],
    ["rw,gid=27,hidepid=4", 1000, [1000, 27], "warn"],
    ["rw,gid=27,hidepid=ptraceable", 0, [0], "ok"],
  ];
  for (const [options, uid, groups, verdict] of rows)
    assert.equal(findingOfProc(options.split(","), uid, groups).verdict, verdict, `${options} for ${uid} in ${groups}`);
  assert.match(findingOfProc(["hidepid=4", "gid=27"], 1000, [27]).remedy!, /^run as root$/);
  assert.match(findingOfProc(["hidepid=2", "gid=27"], 1000, [7]).remedy!, /group 27/);
});

test("a profile that confines nobody is no confinement", () => {
  for (const label of [undefined, "unconfined", "node (unconfined)", "unconfined_u:unconfined_r:unconfined_t:s0"])
    assert.equal(findingOfLabel(label).verdict, "ok", label);
  for (const label of ["docker-default (enforce)", "unconfined-not (enforce)", "system_u:system_r:init_t:s0"])
    assert.equal(findingOfLabel(label).verdict, "warn", label);
});
