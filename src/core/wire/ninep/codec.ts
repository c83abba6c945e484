import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { Errno } from "../../base/errno.ts";
import { FIELD_CODECS, type FieldType } from "./fields.ts";
import { type Body, MESSAGES, type Message, type MessageName } from "./messages.ts";

/** size[4] type[1] tag[2] in front of every message, intro(9P). */
export const HEADER_SIZE = 7;
const TAG_AT = 5;

type Row = { readonly type: number; readonly fields: { readonly [name: string]: FieldType } };
type AnyCodec = { read(reader: ByteReader): unknown; write(writer: ByteWriter, value: unknown): void };

const codecOf = (type: FieldType): AnyCodec => FIELD_CODECS[type] as AnyCodec;
const ROWS: { readonly [name: string]: Row } = MESSAGES;
const NAMES = new Map<number, MessageName>(Object.entries(ROWS).map(([name, { type }]) => [type, name as MessageName]));

/** What a frame's tag says, even where its type is unknown. EPROTO when it is too short for one. */
export function frameTag(frame: Uint8Array): number {
  if (frame.length < HEADER_SIZE) throw new Errno("EPROTO", `a message of ${frame.length} bytes`);
  return frame[TAG_AT]! | (frame[TAG_AT + 1]! << 8);
}

/** Decodes one whole frame, every byte of it. EPROTO; EOPNOTSUPP for a type that is not in the table. */
export function decodeMessage(frame: Uint8Array): Message {
  const tag = frameTag(frame);
  const reader = new ByteReader(frame);
  if (reader.u32() !== frame.length) throw new Errno("EPROTO", "a size that is not the frame's");
  const type = reader.u8();
  reader.u16();
  const name = NAMES.get(type);
  if (name === undefined) throw new Errno("EOPNOTSUPP", `message type ${type}`);
  const message: Record<string, unknown> = { name, tag };
  for (const [field, kind] of Object.entries(ROWS[name]!.fields)) message[field] = codecOf(kind).read(reader);
  if (reader.remaining !== 0) throw new Errno("EPROTO", `${reader.remaining} bytes behind ${name}`);
  return message as unknown as Message;
}

/** Room in front of the data of Rread: header and count. */
const RREAD_HEAD = HEADER_SIZE + 4;

/** Room for the data of an Rread; what is put there is not copied any more. */
export function bulkData(count: number): Uint8Array {
  return new Uint8Array(RREAD_HEAD + count).subarray(RREAD_HEAD);
}

/** Encodes one message as a frame of its own. Data from {@link bulkData} becomes part of it. */
export function encodeMessage<N extends MessageName>(name: N, tag: number, body: Body<N>): Uint8Array {
  const row = ROWS[name]!;
  if (name === "Rread") {
    const { data } = body as Body<"Rread">;
    if (data.byteOffset === RREAD_HEAD) return inPlace(row.type, tag, data);
  }
  const writer = new ByteWriter();
  writer.u32(0).u8(row.type).u16(tag);
  for (const [field, kind] of Object.entries(row.fields)) {
    codecOf(kind).write(writer, (body as Record<string, unknown>)[field]);
  }
  writer.patchU32(0, writer.length);
  return writer.written;
}

function inPlace(type: number, tag: number, data: Uint8Array): Uint8Array {
  const length = RREAD_HEAD + data.length;
  const view = new DataView(data.buffer, 0, RREAD_HEAD);
  view.setUint32(0, length, true);
  view.setUint8(4, type);
  view.setUint16(TAG_AT, tag, true);
  view.setUint32(HEADER_SIZE, data.length, true);
  return new Uint8Array(data.buffer, 0, length);
}
