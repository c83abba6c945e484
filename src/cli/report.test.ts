import assert from "node:assert/strict";
import { test } from "node:test";
import { usageLine } from "./report.ts";

test("wrong usage is one line, with the suggestion where there is one", () => {
  assert.equal(
    usageLine("error: unknown command 'lss'\n(Did you mean ls?)\n"),
    "lyonnais: unknown command 'lss'; did you mean ls?\n",
  );
  assert.equal(usageLine("error: unknown option '-x'\n"), "lyonnais: unknown option '-x'; see lyonnais --help\n");
});

test("what was typed cannot act on the terminal", () => {
  assert.equal(usageLine("error: no \x1b[2J\x07\n"), "lyonnais: no \\033[2J\\007; see lyonnais --help\n");
});
