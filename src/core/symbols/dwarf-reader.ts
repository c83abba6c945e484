import { DW_EH_PE } from "../abi/dwarf.ts";
import { ByteReader } from "../base/bytes.ts";
import { Errno } from "../base/errno.ts";

/** A debugging format that is not as its standard has it, or has what nobody here understands. */
export function malformed(what: string): Errno {
  return new Errno("EPROTO", what);
}

/** LEB128 numbers, strings and encoded pointers, as DWARF has them. EPROTO when the bytes run out. */
export class DwarfReader extends ByteReader {
  skip(count: number): void {
    this.bytes(count);
  }

  i8(): number {
    return (this.u8() << 24) >> 24;
  }

  i16(): number {
    return (this.u16() << 16) >> 16;
  }

  /** Exact within 2^53. */
  i64(): number {
    const low = this.u32();
    return this.i32() * 2 ** 32 + low;
  }

  uleb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      if (scale > 2 ** 63) throw malformed("a LEB128 number has more than 64 bits");
    }
  }

  sleb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return byte & 0x40 ? value - scale * 128 : value;
      if (scale > 2 ** 63) throw malformed("a LEB128 number has more than 64 bits");
    }
  }

  /** Up to its NUL, one character a byte. */
  cstring(): string {
    let text = "";
    for (;;) {
      const byte = this.u8();
      if (byte === 0) return text;
      text += String.fromCharCode(byte);
    }
  }

  /**
   * A pointer of .eh_frame. `address` is the address of byte 0, `data` what data-relative ones count from. One that is
   * to be found in memory is given as where.
   */
  pointer(encoding: number, address: number, data: number): number {
    const at = address + this.offset;
    const value = this.#plain(encoding & 0x0f);
    switch (encoding & 0x70) {
      case 0:
        return value;
      case DW_EH_PE.pcrel:
        return at + value;
      case DW_EH_PE.datarel:
        return data + value;
      default:
        throw malformed(`pointer encoding 0x${encoding.toString(16)}`);
    }
  }

  #plain(format: number): number {
    switch (format) {
      case DW_EH_PE.absptr:
      case DW_EH_PE.udata8:
        return this.u64();
      case DW_EH_PE.uleb128:
        return this.uleb();
      case DW_EH_PE.udata2:
        return this.u16();
      case DW_EH_PE.udata4:
        return this.u32();
      case DW_EH_PE.sleb128:
        return this.sleb();
      case DW_EH_PE.sdata2:
        return this.i16();
      case DW_EH_PE.sdata4:
        return this.i32();
      case DW_EH_PE.sdata8:
        return this.i64();
      default:
        throw malformed(`pointer format ${format}`);
    }
  }
}
