import type { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { Errno } from "../../base/errno.ts";
import { fromUtf8, utf8 } from "../../base/text.ts";

/** A file's identity on the wire. `path` is unique among the nodes of a connection. */
export interface Qid {
  readonly type: number;
  readonly version: number;
  readonly path: number;
}

/** The kinds of field there are, intro(9P), with what a value of each is in TypeScript. */
export interface FieldTypes {
  u8: number;
  u16: number;
  u32: number;
  u64: number;
  /** A 16-bit count, then UTF-8. */
  string: string;
  qid: Qid;
  /** A 16-bit count, then that many. */
  strings: readonly string[];
  qids: readonly Qid[];
  /** A 32-bit count, then that many bytes. */
  data: Uint8Array;
}

export type FieldType = keyof FieldTypes;

/** Names longer than any file name: nothing here has one. */
const LONGEST_STRING = 4096;
const MOST_ELEMENTS = 64;

interface Codec<T> {
  read(reader: ByteReader): T;
  write(writer: ByteWriter, value: T): void;
}

function counted(count: number, most: number, what: string): number {
  if (count > most) throw new Errno("EPROTO", `${count} ${what} in a message`);
  return count;
}

const string: Codec<string> = {
  read: (reader) => fromUtf8(reader.bytes(counted(reader.u16(), LONGEST_STRING, "bytes of text"))),
  write: (writer, value) => {
    const bytes = utf8(value);
    writer.u16(bytes.length).bytes(bytes);
  },
};

const qid: Codec<Qid> = {
  read: (reader) => ({ type: reader.u8(), version: reader.u32(), path: reader.u64() }),
  write: (writer, value) => {
    writer.u8(value.type).u32(value.version).u64(value.path);
  },
};

function list<T>(element: Codec<T>): Codec<readonly T[]> {
  return {
    read: (reader) =>
      Array.from({ length: counted(reader.u16(), MOST_ELEMENTS, "elements") }, () => element.read(reader)),
    write: (writer, values) => {
      writer.u16(values.length);
      for (const value of values) element.write(writer, value);
    },
  };
}

export const FIELD_CODECS: { readonly [T in FieldType]: Codec<FieldTypes[T]> } = {
  u8: { read: (reader) => reader.u8(), write: (writer, value) => void writer.u8(value) },
  u16: { read: (reader) => reader.u16(), write: (writer, value) => void writer.u16(value) },
  u32: { read: (reader) => reader.u32(), write: (writer, value) => void writer.u32(value) },
  u64: { read: (reader) => reader.u64(), write: (writer, value) => void writer.u64(value) },
  string,
  qid,
  strings: list(string),
  qids: list(qid),
  data: {
    read: (reader) => reader.bytes(reader.u32()),
    write: (writer, value) => void writer.u32(value.length).bytes(value),
  },
};
