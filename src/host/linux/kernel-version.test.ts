import assert from "node:assert/strict";
import { test } from "node:test";
import { requireKernel } from "./kernel-version.ts";

test("kernels before 6.1 are refused in one line that says what to do", () => {
  for (const old of ["5.15.0-91-generic", "6.0.19", "4.18.0-553.el8.x86_64"]) {
    assert.throws(() => requireKernel(old), {
      message: `EOPNOTSUPP: Linux ${old} is too old: boot 6.1 or newer`,
    });
  }
  for (const good of ["6.1.0-56-amd64", "6.10.3", "6.12.117+deb12-arm64", "7.0.0-rc1"]) requireKernel(good);
  requireKernel();
});
