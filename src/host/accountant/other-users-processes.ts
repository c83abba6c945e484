import type { Image, MemoryFile } from "../../core/space/ports.ts";
import type { Descriptor } from "./memory-file.ts";

/**
 * Processes of other users, as the accountant's thread sees them. Their owners can make a read of /proc/PID block for as long as they like,
 * so another thread reads them, and this thread is given what was read last.
 */
export interface OtherUsersProcesses {
  /** Whether a read of that process may block. */
  mayBlock(pid: number): boolean;
  /**
   * As {@link mayBlock}, for a process one thread of which waits for our answer, or in vfork: without another thread the process is in no
   * exec and no page fault.
   */
  mayBlockBeside(pid: number): boolean;
  /** The image that was read last. It is read again on the other thread. Undefined: it has not been read yet. */
  image(pid: number): Image | undefined;
  /** As {@link image}, for the memory files that the process has open. */
  files(pid: number): readonly MemoryFile[];
  /**
   * What a descriptor of a process is that the call which is being decided is about, read on the other thread. Undefined: it is being read.
   * Not to be asked twice for two descriptors of one call.
   */
  descriptor(pid: number, fd: number): Descriptor | undefined;
  /** The image was read on this thread, while a read could not block. To be called right after {@link mayBlock} of the same process. */
  rememberImage(pid: number, image: Image): void;
}

/** Takes every process for one of our own user: for threads that may block. */
export const ALL_OWN: OtherUsersProcesses = {
  mayBlock: () => false,
  mayBlockBeside: () => false,
  image: () => undefined,
  files: () => [],
  descriptor: () => undefined,
  rememberImage: () => {},
};
