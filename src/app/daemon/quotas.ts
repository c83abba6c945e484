/**
 * What one user other than root can make a daemon or a server hold. What the nodes of a tree hold is counted in core/procfs.
 */
export const QUOTAS = {
  /** Connections of one uid to a socket. EMFILE: the next one is told so, and ended. */
  connections: 256,
  /**
   * Processes of one uid that got the word `account` from another user's daemon, each with its children; a listener each. EAGAIN.
   * A daemon of an ordinary user can keep some 200 listeners, root's 4,095.
   */
  adopted: 128,
  /** Processes of one uid, children included, beyond which that daemon adopts none any more. EAGAIN. */
  accounted: 1024,
} as const;
