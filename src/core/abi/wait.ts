/** wait(2): options, linux/wait.h. */
export const WNOHANG = 1;
export const WALL = 0x4000_0000;
export const WEXITED = 4;
/** waitid(2): the number is a process's or thread's. */
export const P_PID = 1;

/** How a process or thread has ended. */
export type ExitStatus =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "signaled"; readonly signal: number };

/** What a wait status says. `event` is ptrace's, 0 where there is none. */
export type WaitStatus =
  | ExitStatus
  | { readonly kind: "stopped"; readonly signal: number; readonly event: number }
  | { readonly kind: "continued" };

const CONTINUED = 0xffff;
const STOPPED = 0x7f;

/** Decodes once what the W* macros of wait(2) look at piecemeal. */
export function decodeWaitStatus(status: number): WaitStatus {
  if (status === CONTINUED) return { kind: "continued" };
  const low = status & 0x7f;
  if (low === STOPPED) return { kind: "stopped", signal: (status >> 8) & 0xff, event: status >> 16 };
  if (low === 0) return { kind: "exited", code: (status >> 8) & 0xff };
  return { kind: "signaled", signal: low };
}
