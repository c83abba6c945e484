import assert from "node:assert/strict";
import { test } from "node:test";
import type { TreeClient } from "../app/tree-client.ts";
import { utf8 } from "../core/base/text.ts";
import { follow } from "./actions.ts";

/** A tree with one file, whose reads say `parts` one after the other, and what becomes of it. */
function logOf(parts: readonly (string | Error)[]): { client: TreeClient; opened: string[]; closed: () => number } {
  const left = [...parts];
  const opened: string[] = [];
  let closed = 0;
  const file = {
    read: async () => {
      const next = left.shift() ?? "";
      if (next instanceof Error) throw next;
      return utf8(next);
    },
    close: async () => void closed++,
  };
  const open = async (path: string) => {
    opened.push(path);
    return file;
  };
  return { client: { open } as unknown as TreeClient, opened, closed: () => closed };
}

test("a log is opened once and read on, however little comes at a time, until it ends", async () => {
  const { client, opened, closed } = logOf(["1 a\n", "2 b\n3", " c\n"]);
  const said: string[] = [];
  await follow(client, "events", (bytes) => said.push(Buffer.from(bytes).toString()));
  assert.deepEqual([said.join(""), opened, closed()], ["1 a\n2 b\n3 c\n", ["events"], 1]);
});

test("what reading it ends with is told, and the file is closed", async () => {
  const { client, closed } = logOf(["1 a\n", new Error("ESRCH")]);
  await assert.rejects(
    follow(client, "events", () => {}),
    /ESRCH/,
  );
  assert.equal(closed(), 1);
});
