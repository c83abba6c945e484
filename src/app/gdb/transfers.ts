import { fromLatin1 } from "../../core/base/text.ts";
import { escapeXml, targetXml } from "../../core/rsp/target-xml.ts";
import { formatThreadId } from "../../core/rsp/thread-id.ts";
import { auxvOf, executablePath } from "./executable.ts";
import type { Inferior } from "./inferior.ts";
import { librariesXml } from "./libraries.ts";

/** What a transfer is made of. */
interface Context {
  readonly inferior: Inferior;
  /** The client understands processes. */
  readonly withPid: boolean;
}

/** THE list of what is read piece by piece, qXfer: one character a byte. Each is announced among the features. */
export const TRANSFERS: Readonly<Record<string, (context: Context) => Promise<string>>> = {
  features: async ({ inferior }) => targetXml(inferior.processor.layout),
  threads: threadsXml,
  auxv: async ({ inferior }) => fromLatin1(await auxvOf(inferior.files)),
  "exec-file": ({ inferior }) => executablePath(inferior.files),
  "libraries-svr4": async ({ inferior: { files } }) =>
    librariesXml(await auxvOf(files), (address, length) => files.read("mem", address, length)),
};

async function threadsXml({ inferior, withPid }: Context): Promise<string> {
  const rows = (await inferior.threads()).map(async (tid) => {
    const name = await threadName(inferior, tid);
    const id = formatThreadId(inferior.pid, tid, withPid);
    return `<thread id="${id}"${name === "" ? "" : ` name="${escapeXml(name)}"`}/>`;
  });
  return `<threads>${(await Promise.all(rows)).join("")}</threads>`;
}

/** As its `status` has it, which escapes what is no plain character; empty for a thread that has gone. */
export async function threadName(inferior: Inferior, tid: number): Promise<string> {
  return (await inferior.files.text(`lwp/${tid}/status`).catch(() => "")).split(" ", 1)[0]!;
}

/** One transfer after the other: what has been begun is what is gone on with. */
export class Transfers {
  #object = "";
  #content = "";

  /** `m` or `l` and a piece; undefined for an object that is not here. */
  async piece(context: Context, object: string, offset: number, length: number): Promise<string | undefined> {
    const make = Object.hasOwn(TRANSFERS, object) ? TRANSFERS[object] : undefined;
    if (!make) return undefined;
    if (offset === 0 || this.#object !== object) {
      this.#content = await make(context);
      this.#object = object;
    }
    const end = offset + length;
    return `${end < this.#content.length ? "m" : "l"}${this.#content.slice(offset, end)}`;
  }
}
