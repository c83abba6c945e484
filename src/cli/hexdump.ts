/** Lines as xxd(1) prints them: the address, 16 bytes in pairs, the same as text. */
export function hexdump(bytes: Uint8Array, start: number): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = [...bytes.subarray(at, at + 16)];
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0"));
    const pairs = Array.from({ length: 8 }, (_, i) => hex.slice(2 * i, 2 * i + 2).join(""));
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${(start + at).toString(16).padStart(8, "0")}: ${pairs.join(" ").padEnd(39)}  ${text}`);
  }
  return lines;
}
