import { once } from "node:events";
import type { Duplex } from "node:stream";
import { fromLatin1, latin1 } from "../../src/core/base/text.ts";
import { decodeAnswer } from "../../src/core/rsp/framer.ts";
import { toHex } from "../../src/core/rsp/hex.ts";

const checksum = (body: string): string =>
  toHex(Uint8Array.of([...body].reduce((sum, c) => sum + c.charCodeAt(0), 0) & 0xff));

/** A client of the remote serial protocol that says what a test has it say. */
export class RspClient {
  readonly #stream: Duplex;
  #text = "";
  #ended = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", (bytes: Uint8Array) => {
      this.#text += fromLatin1(bytes);
    });
    // Its end is what is told.
    stream.on("error", () => {});
    stream.on("close", () => {
      this.#ended = true;
      stream.emit("news");
    });
    stream.on("data", () => stream.emit("news"));
  }

  /** Bytes as they are. */
  raw(text: string): void {
    this.#stream.write(latin1(text));
  }

  send(body: string): void {
    this.raw(`$${body}#${checksum(body)}`);
  }

  /** The next answer, without what only acknowledges. */
  async answer(): Promise<string> {
    for (;;) {
      const match = /^[^$]*\$([^#]*)#[0-9a-f]{2}/s.exec(this.#text);
      if (match) {
        this.#text = this.#text.slice(match[0].length);
        return decodeAnswer(match[1]!);
      }
      if (this.#ended) throw new Error(`the server has ended the connection; left: ${JSON.stringify(this.#text)}`);
      await once(this.#stream, "news");
    }
  }

  ask(body: string): Promise<string> {
    this.send(body);
    return this.answer();
  }

  /** What has come and was no answer yet. */
  get rest(): string {
    return this.#text;
  }

  close(): void {
    this.#stream.destroy();
  }
}
