/**
 * linux/errno.h: what a system call that a signal has interrupted returns inside the kernel. A tracer sees it in the result
 * register at the stop before the signal is delivered.
 */

/** It fails with that, whatever the handler; also without one. */
export const EINTR = 4;
/** Made again, unless a handler without SA_RESTART runs: then EINTR. */
export const ERESTARTSYS = 512;
/** Made again, whatever runs. */
export const ERESTARTNOINTR = 513;

const ERESTART_RESTARTBLOCK = 516;

/** Whether the result register says that the kernel makes the interrupted call again, unless a handler comes between. */
export function willBeRepeated(result: number): boolean {
  return result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK;
}
