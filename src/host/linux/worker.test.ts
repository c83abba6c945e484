import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorker } from "./worker.ts";

test("a thread that cannot be started is EAGAIN, with the cause", () => {
  // As at RLIMIT_NPROC the constructor of the thread throws.
  assert.throws(
    () => startWorker(new URL("http://127.0.0.1/nothing.js"), {}),
    (error: Error & { code?: string }) => error.code === "EAGAIN" && error.cause instanceof Error,
  );
});
