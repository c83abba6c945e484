import assert from "node:assert/strict";
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SOCK_STREAM, socketPair } from "./descriptor-message.ts";
import { watchReadable } from "./watch.ts";
import { watchPidfd } from "./watch-process.ts";

/** Readiness of one socket, `settle` called in its callback. */
function onReadable(settle: (said: string) => void): { say(text: string): void; close(): void } {
  const [ours, theirs] = socketPair(SOCK_STREAM);
  const buffer = Buffer.alloc(8);
  const watch = watchReadable(theirs, () => settle(buffer.toString("latin1", 0, readSync(theirs, buffer))));
  return {
    say: (text) => writeSync(ours, text),
    close() {
      watch.close();
      closeSync(ours);
      closeSync(theirs);
    },
  };
}

test("what a ready descriptor settles goes on in the same turn of the event loop", async () => {
  const order: string[] = [];
  let socket!: ReturnType<typeof onReadable>;
  await new Promise<void>((ended) => {
    let settle!: (said: string) => void;
    const said = new Promise<string>((resolve) => {
      settle = resolve;
    });
    socket = onReadable((text) => {
      setImmediate(() => {
        order.push("next turn");
        ended();
      });
      process.nextTick(() => order.push("tick"));
      settle(text);
    });
    void said.then((text) => order.push(text));
    socket.say("said");
  });
  socket.close();
  assert.deepEqual(order, ["tick", "said", "next turn"]);
});

test("a descriptor that cannot be watched is closed by whoever was given it", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "lyonnais-test-"));
  t.after(() => rmSync(dir, { recursive: true }));
  // epoll(7) takes no file of a disk.
  const fd = openSync(join(dir, "file"), "w");
  assert.throws(() => watchPidfd(fd, () => {}), /uv_poll/);
  assert.throws(() => fstatSync(fd), { code: "EBADF" });
});
