/** What requests say, and that nothing but an EINVAL comes of those that say nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seedFrom } from "../../../test/support/seeded.ts";
import { isErrno } from "../base/errno.ts";
import { FEATURES, parseRequest, REQUESTS, type Request } from "./requests.ts";
import { actionFor } from "./resume.ts";

const seed = seedFrom(12);
const numRuns = Number(process.env["LYONNAIS_RUNS"] ?? 5000);

const refused = (body: string): void => {
  assert.throws(
    () => parseRequest(body),
    (error) => isErrno(error, "EINVAL", "EOPNOTSUPP"),
    body,
  );
};

test("requests as gdb and lldb send them", () => {
  const says: readonly (readonly [string, Request])[] = [
    ["?", { name: "why", says: {} }],
    ["qSupported:multiprocess+;swbreak+", { name: "features", says: { client: ["multiprocess+", "swbreak+"] } }],
    ["m7ffc36de0680,40", { name: "readMemory", says: { address: 0x7ffc36de0680, length: 64 } }],
    ["M10,2:abCD", { name: "writeMemory", says: { address: 16, data: Uint8Array.of(0xab, 0xcd) } }],
    ["X10,2:\x00\xff", { name: "writeMemory", says: { address: 16, data: Uint8Array.of(0, 255) } }],
    ["g", { name: "readRegisters", says: { text: "" } as never }],
    ["p10;thread:2a;", { name: "readRegister", says: { number: 16, thread: { pid: undefined, tid: 42 } } }],
    [
      "P0=01;thread:p1.2;",
      { name: "writeRegister", says: { number: 0, data: Uint8Array.of(1), thread: { pid: 1, tid: 2 } } },
    ],
    ["Z0,401136,1", { name: "insert", says: { kind: "software", address: 0x401136, length: 1, hasMore: false } }],
    ["z2,10,8", { name: "remove", says: { kind: "write", address: 16, length: 8, hasMore: false } }],
    ["Z0,10,1;X1,00", { name: "insert", says: { kind: "software", address: 16, length: 1, hasMore: true } }],
    ["Hgp1.-1", { name: "choose", says: { forWhat: "g", thread: { pid: 1, tid: "all" } } }],
    ["Hc0", { name: "choose", says: { forWhat: "c", thread: { pid: undefined, tid: "any" } } }],
    ["vCont?", { name: "resumeActions", says: {} }],
    ["c", { name: "resume", says: { old: true, actions: [{ kind: "continue", signal: 0 }] } }],
    ["C0b", { name: "resume", says: { old: true, actions: [{ kind: "continue", signal: 11 }] } }],
    [
      "vCont;r10,20:p1.2;C1e:p1.3;c",
      {
        name: "resume",
        says: {
          old: false,
          actions: [
            { kind: "range", signal: 0, start: 16, end: 32, thread: { pid: 1, tid: 2 } },
            { kind: "continue", signal: 30, thread: { pid: 1, tid: 3 } },
            { kind: "continue", signal: 0 },
          ],
        },
      },
    ],
    [
      "qXfer:features:read:target.xml:0,ffb",
      { name: "transfer", says: { object: "features", annex: "target.xml", offset: 0, length: 0xffb } },
    ],
    ["qXfer:auxv:read::10,20", { name: "transfer", says: { object: "auxv", annex: "", offset: 16, length: 32 } }],
    ["QPassSignals:e;10", { name: "passSignals", says: { signals: [14, 16] } }],
    ["QPassSignals:", { name: "passSignals", says: { signals: [] } }],
    ["vFile:open:2f,0,0", { name: "file", says: { operation: "open", args: ["2f", "0", "0"] } }],
    ["vFile:setfs:0", { name: "file", says: { operation: "setfs", args: ["0"] } }],
    ["qThreadExtraInfo,p1.2", { name: "threadName", says: { thread: { pid: 1, tid: 2 } } }],
    ["qThreadStopInfo2a", { name: "threadStop", says: { thread: { pid: undefined, tid: 42 } } }],
    ["qMemoryRegionInfo:401000", { name: "regionInfo", says: { address: 0x401000 } }],
    ["qMemoryRegionInfo", { name: "regionInfo", says: { address: undefined } }],
    ["qC", { name: "currentThread", says: {} }],
    ["D;1", { name: "detach", says: {} }],
    ["vKill;1", { name: "killProcess", says: {} }],
    ["vAttach;512", { name: "attach", says: { pid: 0x512 } }],
  ];
  for (const [body, request] of says) {
    const parsed = parseRequest(body);
    if (parsed && "text" in parsed.says) delete (parsed.says as { text?: string }).text;
    if ("text" in request.says) delete (request.says as { text?: string }).text;
    assert.deepEqual(parsed, request, body);
  }
});

test("what is not known is nothing; what is malformed is refused", () => {
  for (const body of ["", "vMustReplyEmpty", "qCRC:0,1", "qTStatus", "!x", "\0", "é", "vCont", "b"])
    assert.equal(parseRequest(body), undefined, body);
  for (const body of [
    "m",
    "m,",
    "m1",
    "mx,1",
    "m1,2,3",
    "M1,2:ab",
    "M1,1:zz",
    "X1,5:abc",
    "p",
    "pzz",
    "P1",
    "P1=0",
    "G0",
    "Z0",
    "Z9,1,1",
    "Zx,1,1",
    "H",
    "Hx1",
    "Hgp1.2.3",
    "T",
    "vCont;",
    "vCont;x",
    "vCont;R1,2",
    "vCont;T",
    "vCont;s12",
    "vCont;C",
    "vCont;r1",
    "vCont;c:1:2",
    "c401000",
    "C0b;401000",
    "vAttach;",
    "vFile:open",
    "qXfer:auxv:write::0:00",
    "qXfer:auxv:read:0,1",
    "QPassSignals:zz",
    "qThreadExtraInfo,",
    "qRcmd,0",
    `m${"f".repeat(17)},1`,
  ])
    refused(body);
});

test("no request ends the parser but by an Errno", () => {
  const begins = [...Object.values(REQUESTS).map((row) => row.begins), "X", "c", "s", "C", "S"];
  const tail = fc.string({ unit: fc.constantFrom(..."0123456789abcdefp.,:;=-rtcsCS\0\xff") });
  fc.assert(
    fc.property(fc.constantFrom(...begins, ""), tail, (begin, rest) => {
      try {
        parseRequest(begin + rest);
      } catch (error) {
        assert.ok(isErrno(error), `${begin}${rest}: ${String(error)}`);
      }
    }),
    { seed, numRuns },
  );
});

test("the action of a thread is the first that names it, its process, or nobody", () => {
  const { actions } = (parseRequest("vCont;s:p1.2;t:p1.-1;c") as Extract<Request, { name: "resume" }>).says;
  assert.deepEqual(
    [actionFor(actions, 1, 2), actionFor(actions, 1, 3), actionFor(actions, 2, 2)].map((action) => action?.kind),
    ["step", "stop", "continue"],
  );
  assert.equal(actionFor(actions.slice(0, 1), 1, 3), undefined);
});

test("features are those of the rows", () => {
  assert.deepEqual([...FEATURES].sort(), ["QPassSignals+", "QStartNoAckMode+", "vContSupported+"]);
});
