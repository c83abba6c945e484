import type { Duplex } from "node:stream";
import { getSystemErrorMap } from "node:util";
import { O_RDONLY, O_RDWR, O_WRONLY } from "../core/abi/fcntl.ts";
import { GETATTR_BASIC, MAXWELEM, NOFID, REASON_ATTRIBUTE, S_IFMT, S_IFMT_OF } from "../core/abi/ninep.ts";
import { Errno, isErrno } from "../core/base/errno.ts";
import { fromUtf8 } from "../core/base/text.ts";
import type { NodeKind } from "../core/vfs/node.ts";
import { type Call, NinepClient } from "../core/wire/ninep/client.ts";
import { parseEntries } from "../core/wire/ninep/entries.ts";
import { FrameSplitter } from "../core/wire/ninep/frames.ts";
import { dataSize, LARGEST_MSIZE } from "../core/wire/ninep/session.ts";
import type { NodeStat, TreeClient, TreeFile, TreeFileMode } from "./tree-client.ts";

const ROOT_FID = 0;
/** Bytes of a reason that are shown: a line. */
const LONGEST_REASON = 4096;

/** The tree at the other end of a connection that carries 9P2000.L. */
export class NinepTreeClient implements TreeClient {
  readonly #client: NinepClient;
  readonly #stream: Duplex;
  #nextFid = 1;
  readonly #freeFids: number[] = [];

  private constructor(stream: Duplex) {
    this.#stream = stream;
    const frames = new FrameSplitter(LARGEST_MSIZE, LARGEST_MSIZE);
    this.#client = new NinepClient((frame) => void stream.write(frame));
    stream.on("data", (chunk: Uint8Array) => {
      try {
        for (const frame of frames.push(chunk)) this.#client.receive(frame);
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        this.#client.end(error);
        stream.destroy();
      }
    });
    stream.on("error", (error) => this.#client.end(new Errno("EIO", error.message, error)));
    stream.on("close", () => this.#client.end(new Errno("EIO", "the connection to the server has ended")));
  }

  /** Agrees on a version and attaches to `aname`. Owns the stream from here on, also when it fails. */
  static async open(stream: Duplex, aname = ""): Promise<NinepTreeClient> {
    const tree = new NinepTreeClient(stream);
    try {
      await tree.#client.version();
      const uname = "";
      await tree.#client.call("Tattach", { fid: ROOT_FID, afid: NOFID, uname, aname, nUname: NOFID }).reply;
      return tree;
    } catch (error) {
      stream.destroy();
      if (!isErrno(error, "EMFILE")) throw error;
      throw new Errno(error.code, "the server has as many connections of this user as it takes; end some", error);
    }
  }

  stat(path: string): Promise<NodeStat> {
    return this.#at(path, async (fid) => {
      const attr = await this.#client.call("Tgetattr", { fid, mask: GETATTR_BASIC }).reply;
      const kinds = Object.keys(S_IFMT_OF) as NodeKind[];
      const kind = kinds.find((each) => S_IFMT_OF[each] === (attr.mode & S_IFMT)) ?? "file";
      return {
        kind,
        ino: attr.qid.path,
        mode: attr.mode & 0o7777,
        nlink: attr.nlink,
        uid: attr.uid,
        gid: attr.gid,
        size: attr.size,
        timeMs: attr.mtimeSec * 1000 + Math.floor(attr.mtimeNsec / 1_000_000),
      };
    });
  }

  list(path: string): Promise<readonly string[]> {
    return this.#at(path, async (fid) => {
      const names: string[] = [];
      await this.#client.call("Tlopen", { fid, flags: O_RDONLY }).reply;
      const count = dataSize(this.#client.msize);
      for (let offset = 0; ; ) {
        const { data } = await this.#client.call("Treaddir", { fid, offset, count }).reply;
        const entries = parseEntries(data);
        if (entries.length === 0) return names;
        for (const { name, next } of entries) {
          if (name !== "." && name !== "..") names.push(name);
          offset = next;
        }
      }
    });
  }

  readlink(path: string): Promise<string> {
    return this.#at(path, async (fid) => (await this.#client.call("Treadlink", { fid }).reply).target);
  }

  read(path: string, offset: number, count: number, stop?: AbortSignal): Promise<Uint8Array> {
    return this.#at(path, async (fid) => {
      await this.#settle(this.#client.call("Tlopen", { fid, flags: O_RDONLY }), stop);
      return this.#readFid(fid, { offset, count }, stop);
    });
  }

  async #readFid(
    fid: number,
    { offset, count }: { readonly offset: number; readonly count: number },
    stop: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let done = 0; done < count; ) {
      const wanted = Math.min(count - done, dataSize(this.#client.msize));
      const { data } = await this.#settle(
        this.#client.call("Tread", { fid, offset: offset + done, count: wanted }),
        stop,
      );
      parts.push(data);
      done += data.length;
      if (data.length < wanted) break;
    }
    return parts.length === 1 ? parts[0]! : new Uint8Array(Buffer.concat(parts));
  }

  write(path: string, data: Uint8Array, stop?: AbortSignal, offset = 0): Promise<number> {
    return this.#at(path, async (fid) => {
      await this.#settle(this.#client.call("Tlopen", { fid, flags: O_WRONLY }), stop);
      return this.#writeFid(fid, { offset, data }, stop);
    });
  }

  async #writeFid(
    fid: number,
    { offset, data }: { readonly offset: number; readonly data: Uint8Array },
    stop: AbortSignal | undefined,
  ): Promise<number> {
    const part = data.subarray(0, dataSize(this.#client.msize));
    return (await this.#settle(this.#client.call("Twrite", { fid, offset, data: part }), stop)).count;
  }

  /** Why a request on an open file failed is asked as for a path. */
  async open(path: string, { read, write }: TreeFileMode): Promise<TreeFile> {
    const fid = await this.#walk(path);
    const asked = async <T>(act: () => Promise<T>): Promise<T> => {
      try {
        return await act();
      } catch (error) {
        throw await this.#explain(error, fid, path);
      }
    };
    const close = async (): Promise<void> => {
      await this.#client.call("Tclunk", { fid }).reply.catch(() => {});
      this.#freeFids.push(fid);
    };
    try {
      const flags = write ? (read ? O_RDWR : O_WRONLY) : O_RDONLY;
      await asked(() => this.#client.call("Tlopen", { fid, flags }).reply);
    } catch (error) {
      await close();
      throw error;
    }
    return {
      read: (offset, count, stop) => asked(() => this.#readFid(fid, { offset, count }, stop)),
      write: (data, offset = 0, stop) => asked(() => this.#writeFid(fid, { offset, data }, stop)),
      close,
    };
  }

  /** One open, one write, and what can be read where it was written: the answer of a file that takes words. */
  ask(path: string, data: Uint8Array): Promise<Uint8Array> {
    return this.#at(path, async (fid) => {
      await this.#client.call("Tlopen", { fid, flags: O_RDWR }).reply;
      await this.#client.call("Twrite", { fid, offset: 0, data }).reply;
      return (await this.#client.call("Tread", { fid, offset: 0, count: dataSize(this.#client.msize) }).reply).data;
    });
  }

  async close(): Promise<void> {
    this.#stream.destroy();
  }

  /** A fid for `path` while `act` uses it. */
  async #at<T>(path: string, act: (fid: number) => Promise<T>): Promise<T> {
    const fid = await this.#walk(path);
    try {
      return await act(fid);
    } catch (error) {
      throw await this.#explain(error, fid, path);
    } finally {
      await this.#client.call("Tclunk", { fid }).reply.catch(() => {});
      this.#freeFids.push(fid);
    }
  }

  /** A fid for `path`, which is the caller's to clunk. */
  async #walk(path: string): Promise<number> {
    const names = path.split("/").filter((name) => name !== "" && name !== ".");
    const fid = this.#freeFids.pop() ?? this.#nextFid++;
    let from = ROOT_FID;
    try {
      do {
        const part = names.splice(0, MAXWELEM);
        const { qids } = await this.#client.call("Twalk", { fid: from, newfid: fid, names: part }).reply;
        if (qids.length < part.length) await this.#why(from, part.slice(0, qids.length + 1));
        from = fid;
      } while (names.length > 0);
      return fid;
    } catch (error) {
      if (from === fid) await this.#client.call("Tclunk", { fid }).reply.catch(() => {});
      this.#freeFids.push(fid);
      throw error instanceof Errno ? explained(error, path) : error;
    }
  }

  /** The error of the last request on `fid`, in the server's words where it has any. */
  async #explain(error: unknown, fid: number, path: string): Promise<unknown> {
    if (!(error instanceof Errno)) return error;
    const reason = await this.#reasonOf(fid);
    return reason === "" ? explained(error, path) : new Errno(error.code, reason, error);
  }

  /** Why the last request on `fid` failed, in the server's words; empty where it has none. */
  async #reasonOf(fid: number): Promise<string> {
    const newfid = this.#freeFids.pop() ?? this.#nextFid++;
    try {
      await this.#client.call("Txattrwalk", { fid, newfid, attribute: REASON_ATTRIBUTE }).reply;
      const { data } = await this.#client.call("Tread", { fid: newfid, offset: 0, count: LONGEST_REASON }).reply;
      await this.#client.call("Tclunk", { fid: newfid }).reply;
      return fromUtf8(data);
    } catch (error) {
      // Another kind of server, or none any more.
      if (!(error instanceof Errno)) throw error;
      return "";
    } finally {
      this.#freeFids.push(newfid);
    }
  }

  /** A walk that ends early does not say why; walking the last name alone does. */
  async #why(from: number, names: readonly string[]): Promise<never> {
    const fid = this.#nextFid++;
    await this.#client.call("Twalk", { fid: from, newfid: fid, names: names.slice(0, -1) }).reply;
    try {
      await this.#client.call("Twalk", { fid, newfid: fid, names: names.slice(-1) }).reply;
    } finally {
      await this.#client.call("Tclunk", { fid }).reply.catch(() => {});
      this.#freeFids.push(fid);
    }
    throw new Errno("ENOENT", `${names.join("/")} went while it was looked for`);
  }

  #settle<T>(call: Call<T>, stop: AbortSignal | undefined): Promise<T> {
    if (!stop) return call.reply;
    const flush = (): void => call.flush();
    if (stop.aborted) flush();
    else stop.addEventListener("abort", flush, { once: true });
    return call.reply.finally(() => stop.removeEventListener("abort", flush));
  }
}

/** The protocol carries numbers only; where the server has no words for it, the error is what the number means. */
function explained(error: Errno, path: string): Errno {
  const [, meaning] = getSystemErrorMap().get(-error.errno) ?? [];
  return meaning === undefined ? error : new Errno(error.code, `${path}: ${meaning}`, error);
}
