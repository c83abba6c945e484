import { Errno } from "../base/errno.ts";
import type { Caller } from "../vfs/caller.ts";

/** Whether the kernel may judge the two differently. */
export function differ(a: Caller, b: Caller): boolean {
  return a.uid !== b.uid || a.gid !== b.gid || a.fullRoot !== b.fullRoot;
}

/**
 * Who acts when `writer` uses what `opener` has opened: the writer's thread, to whose session control belongs, with only those
 * rights that both have. A descriptor that somebody hands to a set-id program lends it nothing of that program's rights, and one
 * that somebody got from root lends him nothing of root's. Both with their rights noted down. EPERM when neither has all the
 * rights of the other.
 */
export function lesserOf(opener: Caller, writer: Caller): Caller {
  if (!differ(opener, writer) || opener.fullRoot) return writer;
  if (writer.fullRoot) return { ...writer, uid: opener.uid, gid: opener.gid, fullRoot: false };
  if (opener.uid === writer.uid) return writer;
  throw new Errno("EPERM", `uid ${opener.uid} opened this, and uid ${writer.uid} may not act for it`);
}
