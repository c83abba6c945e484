import assert from "node:assert/strict";
import { closeSync, readSync, writeSync } from "node:fs";
import { test } from "node:test";
import { SOCK_STREAM, socketPair } from "./descriptor-message.ts";
import { watchReadable } from "./watch.ts";

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
