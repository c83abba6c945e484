/** Messages of the process connector, byte by byte, and which events its filter lets through. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EVENT_WHAT,
  eventsAddress,
  ID_RUID,
  listenMessage,
  PROC_EVENT_NONE,
  PROC_EVENT_UID,
  uidEventsFilter,
} from "./process-connector.ts";

test("a message that asks for events is header, connector's header and operation", () => {
  assert.deepEqual(
    [...listenMessage()],
    [
      // struct nlmsghdr: 40 bytes, NLMSG_DONE.
      ...[40, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      // struct cn_msg: CN_IDX_PROC, CN_VAL_PROC, 4 bytes of data.
      ...[1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0],
      // PROC_CN_MCAST_LISTEN.
      ...[1, 0, 0, 0],
    ],
  );
});

test("events are heard by the group of processes", () => {
  assert.deepEqual([...eventsAddress()], [16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
});

/** What classic BPF makes of a packet: as many bytes of it as are let through. Only the instructions that the filter has. */
function passes(filter: Uint8Array, packet: DataView): number {
  const view = new DataView(filter.buffer);
  let accumulator = 0;
  for (let at = 0; at < filter.length; at += 8) {
    const k = view.getUint32(at + 4, true);
    const code = view.getUint16(at, true);
    // BPF_LD|BPF_W|BPF_ABS: in the order of the network.
    if (code === 0x20) accumulator = packet.getUint32(k);
    else if (code === 0x15) at += 8 * view.getUint8(at + (accumulator === k ? 2 : 3));
    else if (code === 0x06) return k;
    else assert.fail(`instruction ${code}`);
  }
  return assert.fail("a filter without an answer");
}

test("of all events those are let through by which a process is a user's that is not root, and what the kernel answers", () => {
  const EXEC = 2;
  const GID = 0x40;
  const cases: readonly (readonly [what: number, ruid: number, isLet: boolean])[] = [
    [PROC_EVENT_NONE, 0, true],
    [PROC_EVENT_NONE, 5, true],
    [PROC_EVENT_UID, 1000, true],
    [PROC_EVENT_UID, 1 << 24, true],
    [PROC_EVENT_UID, 0, false],
    [EXEC, 1000, false],
    [GID, 1000, false],
    [PROC_EVENT_UID << 24, 1000, false],
  ];
  for (const [what, ruid, isLet] of cases) {
    const packet = new DataView(new ArrayBuffer(100));
    packet.setUint32(EVENT_WHAT, what, true);
    packet.setUint32(ID_RUID, ruid, true);
    assert.equal(passes(uidEventsFilter(), packet), isLet ? 0xffff_ffff : 0, `${what} ${ruid}`);
  }
});
