import type { Image, MemoryFile } from "../../core/notify/ports.ts";

/** Processes that can keep whoever looks at them waiting, as the accountant's thread sees them: never by looking itself. */
export interface OtherUsersProcesses {
  /** Whether a look at that process may not return. */
  mayBlock(pid: number): boolean;
  /** The same of a process one thread of which is in our hands, or waits in vfork, and is the only one unless we are told otherwise. */
  mayBlockBeside(pid: number): boolean;
  /** What was seen of it last, here or elsewhere; it is looked at anew elsewhere. Undefined: nobody has seen it. */
  image(pid: number): Image | undefined;
  files(pid: number): readonly MemoryFile[];
  /** It was looked at when it could not keep us. To be told right after {@link mayBlock} of the same process. */
  rememberImage(pid: number, image: Image): void;
}

/** Nobody is one: for who may wait. */
export const ALL_OWN: OtherUsersProcesses = {
  mayBlock: () => false,
  mayBlockBeside: () => false,
  image: () => undefined,
  files: () => [],
  rememberImage: () => {},
};
