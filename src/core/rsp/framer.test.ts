/** The bytes of the remote serial protocol, well-formed and not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { seedFrom } from "../../../test/support/seeded.ts";
import { fromLatin1, latin1 } from "../base/text.ts";
import { decodeAnswer, encodePacket, PacketFramer } from "./framer.ts";

const seed = seedFrom(12);
const numRuns = Number(process.env["LYONNAIS_RUNS"] ?? 2000);

const received = (framer: PacketFramer, text: string) => [...framer.push(latin1(text))];

test("packets, acknowledgements and the interrupt, in any pieces", () => {
  const framer = new PacketFramer(100);
  const stream = "+$?#3f\x03-$m0,4#fd";
  const whole = received(framer, stream);
  assert.deepEqual(whole, [
    { kind: "ack" },
    { kind: "packet", body: "?" },
    { kind: "interrupt" },
    { kind: "nak" },
    { kind: "packet", body: "m0,4" },
  ]);
  assert.deepEqual(
    [...stream].flatMap((c) => received(framer, c)),
    whole,
  );
});

test("a wrong checksum is told, unless nobody checks; the next packet is one again", () => {
  const framer = new PacketFramer(100);
  assert.deepEqual(received(framer, "$?#00$?#3f"), [{ kind: "damaged" }, { kind: "packet", body: "?" }]);
  assert.deepEqual(received(framer, "$?#x"), []);
  assert.deepEqual(received(framer, "y"), [{ kind: "damaged" }]);
  framer.checks = false;
  assert.deepEqual(received(framer, "$?#00"), [{ kind: "packet", body: "?" }]);
});

test("escaped bytes, an interrupt within a packet, one whose end was lost, and one that is too long", () => {
  const framer = new PacketFramer(8);
  assert.deepEqual(received(framer, "$X}\x03}\x04}]\x03#36"), [{ kind: "packet", body: "X#$}\x03" }]);
  assert.deepEqual(received(framer, "$lost$?#3f"), [{ kind: "packet", body: "?" }]);
  assert.deepEqual(received(framer, `$${"a".repeat(9)}#69`), [{ kind: "damaged" }]);
  assert.deepEqual(received(framer, "$a}#de"), [{ kind: "damaged" }]);
  assert.deepEqual(received(framer, "$?#3f"), [{ kind: "packet", body: "?" }]);
});

test("what repeats is sent once, with counts that are no other sign", () => {
  assert.equal(fromLatin1(encodePacket("0000")), "$0* #7a");
  assert.equal(fromLatin1(encodePacket("000")), "$000#90");
  for (let length = 0; length < 400; length++) {
    const sent = fromLatin1(encodePacket("x".repeat(length)));
    assert.doesNotMatch(sent.slice(1, -3), /[#$+-]/);
    assert.equal(decodeAnswer(sent.slice(1, -3)), "x".repeat(length));
  }
});

test("whatever is sent arrives as it was", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(..."$#}*+-\x03\0\xffaaaaab")), (characters) => {
      const body = characters.join("");
      const bytes = encodePacket(body);
      const sent = fromLatin1(bytes);
      assert.equal(decodeAnswer(sent.slice(1, -3)), body);
      // Without runs, which only answers have, a server reads the same.
      const [packet, ...rest] = new PacketFramer(1000).push(bytes);
      assert.equal(rest.length, 0);
      assert.equal(packet?.kind, "packet");
    }),
    { seed, numRuns },
  );
});

test("no bytes at all end a framer, and what it keeps is bounded", () => {
  const framer = new PacketFramer(64);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const item of framer.push(bytes)) if (item.kind === "packet") assert.ok(item.body.length <= 64);
    }),
    { seed, numRuns },
  );
});
