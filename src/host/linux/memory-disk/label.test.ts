import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeLabel, encodeLabel } from "./label.ts";

test("the longest label fits and comes back whole", () => {
  const file = Buffer.from("01fffefdfcfbfaf9f8f7f6f5f4", "hex");
  for (const limit of [0, 2 ** 41 - 1, Number.POSITIVE_INFINITY]) {
    const label = { owner: "0123abcd", uid: 2 ** 32 - 2, limit, file };
    assert.deepEqual(decodeLabel(encodeLabel(label)), label);
  }
});

test("what others write there is none of ours", () => {
  for (const text of ["", "/var/lib/image.iso", "lymd1", "lymd1 0123abcd 5 - ", "lymd2 0123abcd 5 - AQ"]) {
    assert.equal(decodeLabel(text), undefined, text);
  }
});
