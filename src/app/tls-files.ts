import { dirname, resolve } from "node:path";
import { parse } from "smol-toml";
import * as v from "valibot";
import { Errno } from "../core/base/errno.ts";
import type { TlsIdentity } from "../host/serve/ninep-listen.ts";
import { readText } from "./read-text.ts";

const id = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_fffe));
const files = { cert: v.string(), key: v.string(), ca: v.string() };
const serverFile = v.strictObject({ ...files, clients: v.record(v.string(), v.strictObject({ uid: id, gid: id })) });
const clientFile = v.strictObject({ ...files, servername: v.optional(v.string()) });

/** What a client shows of itself, and whose servers it believes. PEM. */
export interface TlsClient {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  /** The name in the server's certificate, where it is not that of its address. */
  readonly servername: string | undefined;
}

/** A TOML file of that shape; the paths in it are relative to it. EINVAL says what is wrong. */
function readConfig<T>(path: string, schema: v.GenericSchema<unknown, T>): T {
  const text = readText(path);
  let value: unknown;
  try {
    value = parse(text);
  } catch (error) {
    throw new Errno("EINVAL", `${path}: ${(error as Error).message.split("\n")[0]}`, error);
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const place = issue.path?.map(({ key }) => String(key)).join(".") ?? "";
  throw new Errno("EINVAL", `${path}: ${place}: ${issue.message.replace(/^Invalid \w+: /, "")}`);
}

/** The `--tls` file of a server: certificate, key, issuers of its clients, and what uid each client's name stands for. */
export function readTlsServer(path: string): TlsIdentity {
  const { cert, key, ca, clients } = readConfig(path, serverFile);
  const at = (name: string): string => readText(resolve(dirname(path), name));
  return { cert: at(cert), key: at(key), ca: at(ca), clients: new Map(Object.entries(clients)) };
}

/** The `--tls` file of a client. */
export function readTlsClient(path: string): TlsClient {
  const { cert, key, ca, servername } = readConfig(path, clientFile);
  const at = (name: string): string => readText(resolve(dirname(path), name));
  return { cert: at(cert), key: at(key), ca: at(ca), servername };
}
