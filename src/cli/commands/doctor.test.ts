import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDiagnosis } from "./doctor.ts";

test("verdict, name and detail stand in columns; a remedy stands below its detail", () => {
  assert.deepEqual(
    formatDiagnosis([
      { name: "ptrace", essential: true, verdict: "ok", detail: "works" },
      { name: "/dev/fuse", essential: false, verdict: "missing", detail: "ENOENT: none", remedy: "modprobe fuse" },
    ]),
    ["ok       ptrace     works", "missing  /dev/fuse  ENOENT: none", "                    → modprobe fuse"],
  );
});
