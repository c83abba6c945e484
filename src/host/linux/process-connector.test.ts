import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { EVENT_WHAT, ID_RUID, ID_TGID, MOST_EVENT_BYTES, PROC_EVENT_UID } from "../../core/abi/process-connector.ts";
import { libcClose, libcSocketpair, libcWrite } from "./ffi/libc.ts";
import { ProcessConnector } from "./process-connector.ts";

/** AF_UNIX, and SOCK_SEQPACKET without waiting: messages are whole, as those of netlink. */
const AF_UNIX = 1;
const PACKETS = 5 | 0o4000;

/** A connector, and what tells it of a process as the kernel would. */
function paper(t: TestContext) {
  const pair = Buffer.alloc(8);
  assert.equal(libcSocketpair(AF_UNIX, PACKETS, 0, pair), 0);
  const [ours, kernels] = [pair.readInt32LE(0), pair.readInt32LE(4)];
  const connector = new ProcessConnector(ours);
  t.after(() => {
    connector.close();
    libcClose(kernels);
  });
  const tell = (pid: number, uid: number): void => {
    const message = Buffer.alloc(MOST_EVENT_BYTES);
    message.writeUInt32LE(PROC_EVENT_UID, EVENT_WHAT);
    message.writeUInt32LE(pid, ID_TGID);
    message.writeUInt32LE(uid, ID_RUID);
    assert.equal(libcWrite(kernels, message, message.length), message.length);
  };
  return { connector, tell };
}

test("events are told some at a time, in their order, and none is left out", (t) => {
  const { connector, tell } = paper(t);
  const heard: number[] = [];
  const read = (): number => {
    const before = heard.length;
    assert.equal(
      connector.read((pid, uid) => heard.push(pid) && assert.equal(uid, 1000)),
      true,
    );
    return heard.length - before;
  };
  const sent: number[] = [];
  for (let pid = 1; pid <= 150; pid++) {
    sent.push(pid);
    tell(pid, 1000);
  }
  const first = read();
  assert.ok(first > 0 && first <= 64, `${first} at a time`);
  while (read() > 0);
  assert.deepEqual(heard, sent);
});

test("who takes long over one is not told of the next in the same turn", (t) => {
  const { connector, tell } = paper(t);
  for (const pid of [1, 2]) tell(pid, 1000);
  const heard: number[] = [];
  const slowly = (pid: number): void => {
    heard.push(pid);
    const end = performance.now() + 1;
    while (performance.now() < end);
  };
  connector.read(slowly);
  assert.deepEqual(heard, [1]);
  connector.read(slowly);
  assert.deepEqual(heard, [1, 2]);
});
