import { fromLatin1 } from "../core/base/text.ts";

const octal = (c: string): string => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`;

/** Text as one line that does nothing to a terminal, whatever was in a name: `\ooo` for control characters. */
export function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, octal);
}

/** A character of UTF-8 beyond ASCII that is no control character, byte by byte; or else a byte that is neither text nor a line's end. */
const SEQUENCE =
  /\xc2[\xa0-\xbf]|[\xc3-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[^\t\n -~]/g;

/**
 * What a tree says, as a terminal may be shown it: `\ooo` for every byte of a control character, but for tab and newline, and
 * for what is not UTF-8. One character a byte.
 */
export function harmless(text: string): string {
  return text.replace(SEQUENCE, (found) => (found.length > 1 ? found : octal(found)));
}

/** Prints what a tree says: to a terminal {@link harmless}, to anything else as it is. */
export function show(bytes: Uint8Array): void {
  if (!process.stdout.isTTY) process.stdout.write(bytes);
  else process.stdout.write(harmless(fromLatin1(bytes)), "latin1");
}
