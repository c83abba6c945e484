/**
 * What any transport must do with any tree: a table of names and functions over the client interface. The same functions
 * run over the in-memory tree in process, over FUSE, and over every transport to come.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TreeClient } from "../../src/app/tree-client.ts";
import type { MemoryTree } from "../../src/core/vfs/memory.ts";

const MANY = 3000;

/** The tree the suite expects. */
export const FIXTURE: MemoryTree = {
  hello: "hello, world\n",
  empty: "",
  dir: { inner: { deep: "deep\n" }, sibling: "sibling" },
  link: { link: "dir/sibling" },
  big: "0123456789abcdef".repeat(20_000),
  many: Object.fromEntries(Array.from({ length: MANY }, (_, i) => [`entry-${i}`, "x"])),
};

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const code = (name: string) => (error: unknown) => (error as { code?: string }).code === name;

type Case = (client: TreeClient) => Promise<void>;

export const CASES: Readonly<Record<string, Case>> = {
  "a file is read whole and in slices": async (client) => {
    assert.equal(text(await client.read("/hello", 0, 100)), "hello, world\n");
    assert.equal(text(await client.read("/hello", 7, 5)), "world");
    assert.equal(text(await client.read("/hello", 12, 100)), "\n");
  },
  "at the end and behind it there is nothing": async (client) => {
    for (const offset of [13, 14, 5000, 2 ** 40]) assert.equal((await client.read("/hello", offset, 10)).length, 0);
    assert.equal((await client.read("/empty", 0, 10)).length, 0);
  },
  "a large file arrives intact": async (client) => {
    const bytes = await client.read("/big", 0, 400_000);
    assert.equal(bytes.length, 320_000);
    assert.equal(text(bytes.subarray(319_984)), "0123456789abcdef");
  },
  "a directory lists each entry once, without . and ..": async (client) => {
    assert.deepEqual([...(await client.list("/"))].sort(), Object.keys(FIXTURE).sort());
    const many = await client.list("/many");
    assert.equal(many.length, MANY);
    assert.equal(new Set(many).size, MANY);
  },
  "stat tells kind, mode, size and inode": async (client) => {
    const file = await client.stat("/hello");
    assert.deepEqual([file.kind, file.mode, file.size, file.nlink, file.uid], ["file", 0o644, 13, 1, 0]);
    assert.equal((await client.stat("/dir")).kind, "dir");
    assert.equal((await client.stat("/link")).kind, "link");
    const inos = await Promise.all(Object.keys(FIXTURE).map(async (name) => (await client.stat(`/${name}`)).ino));
    assert.equal(new Set(inos).size, inos.length);
  },
  "a link is read, not followed": async (client) => {
    assert.equal(await client.readlink("/link"), "dir/sibling");
    await assert.rejects(client.readlink("/hello"), code("EINVAL"));
  },
  "what is not there is ENOENT, below a file ENOTDIR": async (client) => {
    for (const path of ["/nothing", "/dir/nothing", "/dir/inner/nothing"]) {
      await assert.rejects(client.stat(path), code("ENOENT"), path);
      await assert.rejects(client.read(path, 0, 1), code("ENOENT"), path);
    }
    await assert.rejects(client.stat("/hello/below"), code("ENOTDIR"));
    await assert.rejects(client.list("/hello"), code("ENOTDIR"));
    await assert.rejects(client.read("/dir", 0, 10), code("EISDIR"));
  },
  "paths may hold . and .. and double slashes": async (client) => {
    assert.equal(text(await client.read("//dir/./inner/../inner/deep", 0, 10)), "deep\n");
  },
  "a write lands where it was put": async (client) => {
    const before = text(await client.read("/dir/sibling", 0, 100));
    assert.equal(await client.write("/dir/sibling", Buffer.from("XY"), undefined, 3), 2);
    assert.equal(text(await client.read("/dir/sibling", 0, 100)), `${before.slice(0, 3)}XY${before.slice(5)}`);
  },
  "many at once": async (client) => {
    const reads = Array.from({ length: 64 }, (_, i) => client.read("/hello", i % 10, 3));
    assert.deepEqual(
      (await Promise.all(reads)).map(text),
      Array.from({ length: 64 }, (_, i) => "hello, world\n".slice(i % 10, (i % 10) + 3)),
    );
  },
};

export interface SuiteOptions {
  readonly name: string;
  /** A client of a fresh {@link FIXTURE}; the suite closes it. */
  open(): Promise<TreeClient>;
  /** Cases that cannot hold for this transport, each with its reason. */
  readonly skip?: Readonly<Record<string, string>>;
  readonly test?: { readonly skip: string | false; readonly timeout?: number };
}

export function runFsSuite({ name, open, skip = {}, test: options }: SuiteOptions): void {
  for (const [title, run] of Object.entries(CASES)) {
    test(`${name}: ${title}`, { ...options, skip: skip[title] ?? options?.skip ?? false }, async () => {
      const client = await open();
      try {
        await run(client);
      } finally {
        await client.close();
      }
    });
  }
}
