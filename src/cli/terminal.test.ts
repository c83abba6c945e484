import assert from "node:assert/strict";
import { test } from "node:test";
import { fromLatin1, utf8 } from "../core/base/text.ts";
import { harmless } from "./terminal.ts";

const shown = (text: string): string => Buffer.from(harmless(fromLatin1(utf8(text))), "latin1").toString("utf8");

test("text is shown as it is, in any script", () => {
  for (const text of ["", "sleeper 12 1\t0\n", "naïve – 日本 🐟 \\ ~"]) assert.equal(shown(text), text);
});

test("control characters, of either half, and what is not UTF-8 become octal", () => {
  assert.equal(shown("\x1b]0;owned\x07\rforged\x7f\b"), "\\033]0;owned\\007\\015forged\\177\\010");
  assert.equal(shown("a\u009b2Jb\u0080"), "a\\302\\2332Jb\\302\\200");
  // A lone continuation, an overlong slash, half a character, a surrogate's neighbour beyond the last plane.
  assert.equal(harmless("\x9b\xc0\xaf\xe2\x82x\xf4\x90\x80\x80"), "\\233\\300\\257\\342\\202x\\364\\220\\200\\200");
});

test("every byte alone: printed, or octal, and never a control character", () => {
  for (let byte = 0; byte < 256; byte++) {
    const c = String.fromCharCode(byte);
    const plain = c === "\t" || c === "\n" || (byte >= 0x20 && byte < 0x7f);
    assert.equal(harmless(c), plain ? c : `\\${byte.toString(8).padStart(3, "0")}`);
  }
});
