import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { loopbackPeerUid, peerUidOf } from "./loopback-peer.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const row = (local: string, remote: string, uid: number, inode: number, state = "01"): string =>
  `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000 ${uid} 0 ${inode} 1 0000000000000000 20 4 30 10 -1`;
const table = (...rows: string[]): string => [HEAD, ...rows, ""].join("\n");

const ENDS = { localAddress: "127.0.0.1", localPort: 0x1f90, remoteAddress: "127.0.0.1", remotePort: 0xc001 };
const OURS = row("0100007F:C001", "0100007F:1F90", 1000, 77);

test("the uid is that of the row with both addresses and both ports", () => {
  const elsewhere = row("0200007F:C001", "0100007F:1F90", 61001, 78);
  const away = row("0100007F:C001", "08080808:1F90", 61001, 79);
  const server = row("0100007F:1F90", "0100007F:C001", 61001, 80);
  assert.equal(peerUidOf([table(elsewhere, away, server, OURS)], ENDS), 1000);
  assert.equal(peerUidOf([table(elsewhere, away, server)], ENDS), undefined);
});

test("IPv6, and IPv4 mapped into it, are found in whichever table has them", () => {
  const mapped = row("0000000000000000FFFF00000100007F:C001", "0000000000000000FFFF00000100007F:1F90", 5, 77);
  const six = row("00000000000000000000000001000000:C001", "00000000000000000000000001000000:1F90", 6, 77);
  const ends4 = { ...ENDS, localAddress: "::ffff:127.0.0.1", remoteAddress: "::ffff:127.0.0.1" };
  const ends6 = { ...ENDS, localAddress: "::1", remoteAddress: "::1" };
  assert.deepEqual([peerUidOf(["", table(mapped)], ENDS), peerUidOf([table(OURS), table(six)], ends4)], [5, 1000]);
  assert.deepEqual([peerUidOf([table(OURS), table(six)], ends6), peerUidOf([table(OURS)], ends6)], [6, undefined]);
});

test("a row without a socket, one of a connection that ends, and two that fit tell nothing", () => {
  assert.equal(peerUidOf([table(row("0100007F:C001", "0100007F:1F90", 0, 0))], ENDS), undefined);
  assert.equal(peerUidOf([table(row("0100007F:C001", "0100007F:1F90", 1000, 77, "04"))], ENDS), undefined);
  assert.equal(peerUidOf([table(OURS, OURS)], ENDS), undefined);
});

test("a connection of this process has this user at its other end", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const client = connect(port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  assert.equal(loopbackPeerUid(socket), process.geteuid!());
  for (const each of [client, socket]) each.destroy();
  server.close();
});
