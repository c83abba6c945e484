import assert from "node:assert/strict";
import { test } from "node:test";
import { mappingAt, parseNamedMaps, parseSmaps, smapsFigure } from "./smaps.ts";

const TEXT = `00400000-00403000 r-xp 00001000 fd:01 1234                       /a path (deleted)
Size:                 12 kB
Rss:                   8 kB
Anonymous:             4 kB
SwapPss:               1 kB
Swap:                 16 kB
VmFlags: rd ex mr mw me ac 
7ffd1000-7ffd3000 rw-p 00000000 00:00 0 
Rss:                   0 kB
VmFlags: rd wr mr mw me gd ac 
`;

test("a mapping is what its first line, its flags and its figures say", () => {
  const [file, stack, ...rest] = parseSmaps(TEXT);
  assert.deepEqual(rest, []);
  const { figures, ...head } = file!;
  assert.deepEqual(
    figures.split("\n").map((line) => line.split(":")[0]),
    ["Size", "Rss", "Anonymous", "SwapPss", "Swap", ""],
  );
  assert.deepEqual(head, {
    ...{ start: 0x400000, end: 0x403000, rights: "r-xp", offset: 0x1000, device: "fd:01", inode: 1234 },
    ...{ path: "/a path (deleted)", flags: "rd ex mr mw me ac " },
  });
  assert.deepEqual([stack!.path, stack!.inode, stack!.flags], ["", 0, "rd wr mr mw me gd ac "]);
});

test("a figure is found by its whole name, wherever it stands; one that is not there is nothing", () => {
  const [file, stack] = parseSmaps(TEXT);
  const figures = ["Size", "Rss", "Anonymous", "Swap", "Pss"].map((name) => smapsFigure(file!, name));
  assert.deepEqual(figures, [12, 8, 4, 16, 0]);
  assert.equal(smapsFigure(stack!, "Rss"), 0);
  assert.equal(smapsFigure({ ...stack!, figures: "Rss:  5 kB\nAnonymous: 12 kB\n" }, "Anonymous"), 12);
  assert.equal(smapsFigure({ ...stack!, figures: "" }, "Rss"), 0);
});

test("text that ends early gives the mappings that are whole", () => {
  for (let length = 0; length <= TEXT.length; length++) {
    const entries = parseSmaps(TEXT.slice(0, length));
    const flagged = TEXT.slice(0, length).split("\nVmFlags: ").length - 1;
    assert.ok(entries.length <= 2 && entries.length === flagged, `${length} characters`);
    for (const { start, end } of entries) assert.ok(start < end);
  }
});

test("the last mapping is whole also without the newline behind it", () => {
  assert.deepEqual(
    parseSmaps(TEXT.trimEnd()).map(({ flags }) => flags.trim()),
    ["rd ex mr mw me ac", "rd wr mr mw me gd ac"],
  );
  assert.deepEqual(parseSmaps(""), []);
});

test("maps: what has a name, in order, with names as they are", () => {
  const text = `00400000-00403000 r-xp 00001000 fd:01 1234                       /a path (deleted)
00603000-00604000 rw-p 00000000 00:00 0 
7f0000000000-7f0000021000 rw-s 00002000 00:05 98765                  /dev/zero (deleted)
7ffd1000-7ffd3000 rw-p 00000000 00:00 0                          [stack]
`;
  assert.deepEqual(parseNamedMaps(text), [
    {
      ...{ start: 0x400000, end: 0x403000, rights: "r-xp", offset: 0x1000, device: "fd:01", inode: 1234 },
      path: "/a path (deleted)",
    },
    {
      ...{ start: 0x7f0000000000, end: 0x7f0000021000, rights: "rw-s", offset: 0x2000, device: "00:05", inode: 98765 },
      path: "/dev/zero (deleted)",
    },
    { start: 0x7ffd1000, end: 0x7ffd3000, rights: "rw-p", offset: 0, device: "00:00", inode: 0, path: "[stack]" },
  ]);
  assert.deepEqual(parseNamedMaps(""), []);
});

test("maps: the mapping that holds an address, up to its last byte", () => {
  const text = `00400000-00403000 r-xp 00001000 fd:01 1234                       /a
00403000-00404000 rw-p 00000000 00:00 0 
`;
  const startOf = (address: number): number | undefined => mappingAt(text, address)?.start;
  assert.deepEqual([0x3fffff, 0x400000, 0x402fff, 0x403000, 0x403fff, 0x404000].map(startOf), [
    undefined,
    0x400000,
    0x400000,
    0x403000,
    0x403000,
    undefined,
  ]);
  assert.equal(mappingAt("", 0), undefined);
});
