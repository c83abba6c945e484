import { AT_PHDR, AT_PHNUM, auxiliaryValue } from "../../core/abi/auxv.ts";
import { DT_DEBUG, DT_NULL, LINK_MAP, PHDR, PT_DYNAMIC, PT_PHDR, R_DEBUG_MAP } from "../../core/abi/elf.ts";
import { isErrno } from "../../core/base/errno.ts";
import { fromLatin1 } from "../../core/base/text.ts";
import { escapeXml } from "../../core/rsp/target-xml.ts";

/** Reads memory: as many of `length` bytes as there are. Errno where there are none. */
export type ReadMemory = (address: number, length: number) => Promise<Uint8Array>;

/** What a program may make us read at most: a list that goes round in a circle ends, too. */
const MOST_HEADERS = 256;
const MOST_ENTRIES = 1024;
const MOST_LIBRARIES = 4096;
const MOST_NAME = 4096;

interface Library {
  readonly at: number;
  readonly name: string;
  readonly bias: bigint;
  readonly dynamic: number;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Exact below 2^53. */
const word = (view: DataView, at: number): number => Number(view.getBigUint64(at, true));

/**
 * Where the dynamic loader says where it keeps what debuggers ask for, struct r_debug: the address of that address. Undefined for a program
 * without one.
 */
export async function debugPointer(auxv: Uint8Array, read: ReadMemory): Promise<number | undefined> {
  const table = auxiliaryValue(auxv, AT_PHDR);
  const count = auxiliaryValue(auxv, AT_PHNUM);
  if (!table || !count) return undefined;
  const headers = viewOf(await read(table, PHDR.size * Math.min(count, MOST_HEADERS)));
  let bias = 0;
  let dynamic: { address: number; size: number } | undefined;
  for (let at = 0; at + PHDR.size <= headers.byteLength; at += PHDR.size) {
    const type = headers.getUint32(at + PHDR.type, true);
    const address = word(headers, at + PHDR.vaddr);
    if (type === PT_PHDR) bias = table - address;
    if (type === PT_DYNAMIC) dynamic = { address, size: word(headers, at + PHDR.memsz) };
  }
  if (!dynamic) return undefined;
  const entries = viewOf(await read(dynamic.address + bias, Math.min(dynamic.size, 16 * MOST_ENTRIES)));
  for (let at = 0; at + 16 <= entries.byteLength; at += 16) {
    const tag = word(entries, at);
    if (tag === DT_NULL) return undefined;
    if (tag === DT_DEBUG) return dynamic.address + bias + at + 8;
  }
  return undefined;
}

/** 0 where there is none. */
async function addressAt(read: ReadMemory, address: number): Promise<number> {
  const bytes = await read(address, 8);
  return bytes.length === 8 ? word(viewOf(bytes), 0) : 0;
}

async function nameAt(read: ReadMemory, address: number): Promise<string> {
  if (address === 0) return "";
  let text = "";
  while (text.length < MOST_NAME) {
    // Up to the end of a page: what is behind it may not be there.
    const at = address + text.length;
    const bytes = await read(at, Math.min(256, 4096 - (at % 4096)));
    const end = bytes.indexOf(0);
    text += fromLatin1(end < 0 ? bytes : bytes.subarray(0, end));
    if (end >= 0 || bytes.length === 0) break;
  }
  return text;
}

/** Appends to `libraries` what there is. */
async function walkLibraries(auxv: Uint8Array, read: ReadMemory, libraries: Library[]): Promise<void> {
  const pointer = await debugPointer(auxv, read);
  const debug = pointer === undefined ? 0 : await addressAt(read, pointer);
  let at = debug === 0 ? 0 : await addressAt(read, debug + R_DEBUG_MAP);
  while (at !== 0 && libraries.length < MOST_LIBRARIES) {
    const bytes = await read(at, LINK_MAP.size);
    if (bytes.length < LINK_MAP.size) break;
    const view = viewOf(bytes);
    libraries.push({
      at,
      name: await nameAt(read, word(view, LINK_MAP.name)),
      bias: view.getBigUint64(LINK_MAP.address, true),
      dynamic: word(view, LINK_MAP.dynamic),
    });
    at = word(view, LINK_MAP.next);
  }
}

/**
 * What the dynamic loader has loaded, as gdb's documentation has it, "Library List Format for SVR4 Targets". The program itself, the
 * first one, is not among them. A list that is being changed, or makes no sense, is as long as could be read.
 */
export async function librariesXml(auxv: Uint8Array, read: ReadMemory): Promise<string> {
  const libraries: Library[] = [];
  try {
    await walkLibraries(auxv, read, libraries);
  } catch (error) {
    if (!isErrno(error, "EFAULT", "EIO")) throw error;
  }
  const [main, ...others] = libraries;
  const rows = others.map(
    ({ at, name, bias, dynamic }) =>
      `<library name="${escapeXml(name)}" lm="0x${at.toString(16)}" l_addr="0x${bias.toString(16)}" ` +
      `l_ld="0x${dynamic.toString(16)}" lmid="0x0"/>`,
  );
  const program = main === undefined ? "" : ` main-lm="0x${main.at.toString(16)}"`;
  return `<library-list-svr4 version="1.0"${program}>${rows.join("")}</library-list-svr4>`;
}
