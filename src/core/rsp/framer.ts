import { latin1 } from "../base/text.ts";

/** What a peer of the remote serial protocol has sent. A body is one character a byte, without `$`, `#` and escapes. */
export type Received =
  | { readonly kind: "packet"; readonly body: string }
  /** Of the last packet: it came, it did not, one has come with a wrong checksum, or one that was longer than allowed. */
  | { readonly kind: "ack" | "nak" | "damaged" }
  | { readonly kind: "interrupt" };

const DOLLAR = 0x24;
const HASH = 0x23;
const ESCAPE = 0x7d;
const STAR = 0x2a;
const PLUS = 0x2b;
const MINUS = 0x2d;
const INTERRUPT = 0x03;
/** What an escaped byte is combined with. */
const FLIP = 0x20;
/** A count of repetitions is sent as a printable character. */
const COUNT_BASE = 29;
const MOST_REPEATS = 0x7e - COUNT_BASE;
/** Fewer are not shorter. */
const FEWEST_REPEATS = 3;
/** Counts whose characters mean something else: `#`, `$`, `+` and `-`. */
const FORBIDDEN_COUNTS: ReadonlySet<number> = new Set([HASH, DOLLAR, PLUS, MINUS].map((code) => code - COUNT_BASE));

/** Cuts a stream of bytes into packets and what stands between them. `most` bounds the bytes of a body as they are sent. */
export class PacketFramer {
  readonly #most: number;
  /** Whether checksums are judged: not once the two sides have agreed that the line loses nothing. */
  checks = true;
  #state: "between" | "body" | "sum1" | "sum2" = "between";
  #body: string[] = [];
  #length = 0;
  #sum = 0;
  #told = "";
  #escaped = false;

  constructor(most: number) {
    this.#most = most;
  }

  /** What is complete with `bytes`, in order. */
  *push(bytes: Uint8Array): Generator<Received> {
    for (const byte of bytes) {
      const received = this.#take(byte);
      if (received) yield received;
    }
  }

  #take(byte: number): Received | undefined {
    switch (this.#state) {
      case "between":
        return this.#between(byte);
      case "body":
        this.#inBody(byte);
        return undefined;
      case "sum1":
        this.#told = String.fromCharCode(byte);
        this.#state = "sum2";
        return undefined;
      case "sum2":
        return this.#end(this.#told + String.fromCharCode(byte));
    }
  }

  #between(byte: number): Received | undefined {
    if (byte === DOLLAR) this.#begin();
    else if (byte === PLUS) return { kind: "ack" };
    else if (byte === MINUS) return { kind: "nak" };
    else if (byte === INTERRUPT) return { kind: "interrupt" };
    return undefined;
  }

  #begin(): void {
    this.#state = "body";
    this.#body = [];
    this.#length = 0;
    this.#sum = 0;
    this.#escaped = false;
  }

  #inBody(byte: number): void {
    // The end of the packet before was lost.
    if (byte === DOLLAR) {
      this.#begin();
      return;
    }
    if (byte === HASH) {
      this.#state = "sum1";
      return;
    }
    this.#sum = (this.#sum + byte) & 0xff;
    if (++this.#length > this.#most) return;
    if (this.#escaped) {
      this.#escaped = false;
      this.#body.push(String.fromCharCode(byte ^ FLIP));
    } else if (byte === ESCAPE) this.#escaped = true;
    else this.#body.push(String.fromCharCode(byte));
  }

  #end(told: string): Received {
    this.#state = "between";
    const isWhole = this.#length <= this.#most && !this.#escaped;
    if (!isWhole || (this.checks && !(Number.parseInt(told, 16) === this.#sum && /^[0-9a-f]{2}$/i.test(told))))
      return { kind: "damaged" };
    return { kind: "packet", body: this.#body.join("") };
  }
}

/** A packet as it is sent: escaped, with runs of one character shortened, and its checksum. `body` is one character a byte. */
export function encodePacket(body: string): Uint8Array {
  let out = "";
  let sum = 0;
  const put = (code: number): void => {
    out += String.fromCharCode(code);
    sum += code;
  };
  for (let i = 0; i < body.length; ) {
    const code = body.charCodeAt(i);
    let run = 1;
    while (run <= MOST_REPEATS && body.charCodeAt(i + run) === code) run++;
    i += run;
    const repeats = repeatsIn(run - 1);
    // What is escaped is two characters, of which only the second one would be repeated.
    if (code === DOLLAR || code === HASH || code === ESCAPE || code === STAR) {
      i -= run - 1;
      put(ESCAPE);
      put(code ^ FLIP);
    } else {
      put(code);
      if (repeats > 0) {
        put(STAR);
        put(repeats + COUNT_BASE);
      }
      i -= run - 1 - repeats;
    }
  }
  return latin1(`$${out}#${(sum & 0xff).toString(16).padStart(2, "0")}`);
}

/** How many repetitions one count can say of those there are; 0 where it is not worth it. */
function repeatsIn(there: number): number {
  let count = Math.min(there, MOST_REPEATS);
  while (FORBIDDEN_COUNTS.has(count)) count--;
  return count < FEWEST_REPEATS ? 0 : count;
}

/** The body that {@link encodePacket} was given, from the bytes between `$` and `#`: how a client reads an answer. */
export function decodeAnswer(sent: string): string {
  let body = "";
  for (let i = 0; i < sent.length; i++) {
    const code = sent.charCodeAt(i);
    if (code === ESCAPE) body += String.fromCharCode(sent.charCodeAt(++i) ^ FLIP);
    else if (code === STAR) body += body.slice(-1).repeat(sent.charCodeAt(++i) - COUNT_BASE);
    else body += sent[i]!;
  }
  return body;
}
