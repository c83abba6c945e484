import assert from "node:assert/strict";
import { test } from "node:test";
import { containerBudget, readContainerProcess, SWAP_ANNOTATION, swapOfMetadata } from "./container-budget.ts";

const MIB = 1024 * 1024;

test("the profile and an annotation say what a container may have, the smaller one holds", () => {
  assert.equal(containerBudget("", {}), Number.POSITIVE_INFINITY);
  assert.equal(containerBudget("swap=64m", {}), 64 * MIB);
  assert.equal(containerBudget("a=b, swap=64m", { [SWAP_ANNOTATION]: "32m" }), 32 * MIB);
  assert.equal(containerBudget("swap=64m", { [SWAP_ANNOTATION]: "infinity" }), 64 * MIB);
  assert.equal(containerBudget("", { [SWAP_ANNOTATION]: "1g" }), 1024 * MIB);
  for (const wrong of ["swap=", "swap=lots", "swap=4k"])
    assert.throws(() => containerBudget(wrong, {}), { code: "EINVAL" });
});

test("what else stands in the metadata is not ours", () => {
  assert.equal(swapOfMetadata("noswap=3 other"), undefined);
});

test("of what a runtime sends the process, the container and its budget are taken, and nothing else is", () => {
  const state = { ociVersion: "1.0.2", id: "c1", status: "creating", pid: 7, bundle: "/b", annotations: null };
  const message = { ociVersion: "1.0.2", fds: ["seccompFd"], pid: 8, metadata: "swap=64m", state };
  assert.deepEqual(readContainerProcess(message), { pid: 8, id: "c1", budget: 64 * MIB });
  const annotated = { ...state, annotations: { [SWAP_ANNOTATION]: "32m", other: "1" } };
  assert.equal(readContainerProcess({ ...message, state: annotated }).budget, 32 * MIB);
  const wrong: readonly unknown[] = [
    ...[undefined, null, 3, "x", [], {}],
    { ...message, pid: -1 },
    { ...message, pid: "8" },
    { ...message, pid: 1.5 },
    { ...message, fds: ["seccompFd", "more"] },
    { ...message, fds: [] },
    { ...message, metadata: 3 },
    { ...message, state: { ...state, id: "" } },
    { ...message, state: { ...state, annotations: 3 } },
    { ...message, state: { ...state, annotations: { [SWAP_ANNOTATION]: 64 } } },
  ];
  for (const each of wrong) assert.throws(() => readContainerProcess(each), { code: "EINVAL" }, JSON.stringify(each));
});
