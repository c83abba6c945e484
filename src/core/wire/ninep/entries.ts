import { ByteReader } from "../../base/bytes.ts";
import { FIELD_CODECS, type Qid } from "./fields.ts";

/** An entry of Rreaddir's data; `next` is the offset behind it. */
export interface WireEntry {
  readonly qid: Qid;
  readonly next: number;
  /** d_type. */
  readonly type: number;
  readonly name: string;
}

/** The entries in the data of one Rreaddir. EPROTO when they do not end with it. */
export function parseEntries(data: Uint8Array): WireEntry[] {
  const reader = new ByteReader(data);
  const entries: WireEntry[] = [];
  while (reader.remaining > 0) {
    const qid = FIELD_CODECS.qid.read(reader);
    entries.push({ qid, next: reader.u64(), type: reader.u8(), name: FIELD_CODECS.string.read(reader) });
  }
  return entries;
}
