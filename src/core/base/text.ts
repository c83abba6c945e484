const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Decodes UTF-8; malformed input becomes U+FFFD, never an error. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** One character per byte, so that text from the kernel in no particular encoding survives a round trip. */
export function fromLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function latin1(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/**
 * Backslash and three octal digits for every byte outside `!`..`~` and for the backslash itself, so that a hostile name
 * stays one field of one line. Input is latin1 text, one character a byte.
 */
export function escapeOctal(text: string): string {
  return text.replace(/[^!-[\]-~]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
