import { Errno } from "../base/errno.ts";
import { parseSize } from "../base/size.ts";
import { refuseTooLittle } from "./swap-limit.ts";

/** The annotation of a container that says what it may have reserved. */
export const SWAP_ANNOTATION = "io.lyonnais.swap";

/** What a profile's `listenerMetadata` says: words with a comma or a blank between them, of which `swap=SIZE` is ours. */
export function swapOfMetadata(metadata: string): string | undefined {
  for (const word of metadata.split(/[\s,]+/)) if (word.startsWith("swap=")) return word.slice("swap=".length);
  return undefined;
}

/**
 * What a container may have reserved, bytes; Infinity where neither the profile nor an annotation says anything, and the smaller one where
 * both do: whoever may write an annotation is not to get round the profile. EINVAL.
 */
export function containerBudget(metadata: string, annotations: Readonly<Record<string, string>>): number {
  const said = [swapOfMetadata(metadata), annotations[SWAP_ANNOTATION]].filter((text) => text !== undefined);
  const sizes = said.map((text) => {
    const bytes = parseSize(text, "infinity");
    refuseTooLittle(bytes);
    return bytes;
  });
  return Math.min(Number.POSITIVE_INFINITY, ...sizes);
}

/** What a container runtime tells an agent beside the listener: of ContainerProcessState what concerns us. */
export interface ContainerProcess {
  /** 0 where the runtime does not know: crun of one that it adds to a container. */
  readonly pid: number;
  readonly id: string;
  /** Bytes. */
  readonly budget: number;
}

type Table = Readonly<Record<string, unknown>>;

const isTable = (value: unknown): value is Table => typeof value === "object" && value !== null;

/** EINVAL where it is none, or says of memory what cannot be meant. */
export function readContainerProcess(value: unknown): ContainerProcess {
  const wrong = (what: string): Errno => new Errno("EINVAL", `${what} is not what a container runtime sends an agent`);
  if (!isTable(value) || !isTable(value["state"])) throw wrong("a message without a state");
  const { pid, metadata = "", fds, state } = value;
  const { id, annotations = {} } = state as Table;
  if (!Number.isSafeInteger(pid) || (pid as number) < 0) throw wrong(`pid ${String(pid)}`);
  if (typeof id !== "string" || id === "") throw wrong("a container without an id");
  if (!Array.isArray(fds) || fds.length !== 1 || fds[0] !== "seccompFd") throw wrong(`descriptors ${String(fds)}`);
  if (typeof metadata !== "string" || !isTable(annotations ?? {})) throw wrong("its metadata");
  const { [SWAP_ANNOTATION]: swap } = (annotations ?? {}) as Table;
  if (swap !== undefined && typeof swap !== "string") throw wrong(`annotation ${SWAP_ANNOTATION}`);
  return {
    pid: pid as number,
    id,
    budget: containerBudget(metadata, swap === undefined ? {} : { [SWAP_ANNOTATION]: swap }),
  };
}
