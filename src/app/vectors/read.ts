import { readText } from "../read-text.ts";
import { parseVectors, VectorsError, type VectorsFile } from "./schema.ts";

/** Reads a vectors file. Throws Errno when it cannot be read, {@link VectorsError} with the place when it is malformed. */
export function readVectors(path: string): VectorsFile {
  return parseVectors(parseJson(readText(path)));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = (error as SyntaxError).message.replace(/ \(line.*/s, "");
    const at = Number(/ (?:in JSON )?at position (\d+)/.exec(message)?.[1] ?? text.length);
    const before = text.slice(0, at).split("\n");
    const problem = message.replace(/ (?:in JSON )?at position \d+/, "");
    throw new VectorsError(`line ${before.length} column ${before.at(-1)!.length + 1}`, problem);
  }
}
