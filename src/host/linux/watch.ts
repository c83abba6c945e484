import {
  allocateHandle,
  freeHandle,
  registerCloseCallback,
  registerPollCallback,
  unregisterCallback,
  uvClose,
  uvDefaultLoop,
  uvHandleSize,
  uvPollInit,
  uvPollStart,
} from "./ffi/libc.ts";

/** uv.h, part of Node's add-on ABI: the handle type UV_POLL, and the events readable and hung up. */
const UV_POLL = 8;
const UV_READABLE = 1;
const UV_DISCONNECT = 4;

/**
 * Runs what promises and process.nextTick have pending. C called us, so Node does not know that it should: up to release 24 it
 * did so anyway, from 26 on what `ready` has settled would wait until the event loop has something else to do. The function of
 * Node's own is undocumented and costs nothing to speak of; an empty turn of the loop does the same and costs microseconds.
 */
const runPending: () => void =
  (process as { _tickCallback?: () => void })._tickCallback ?? (() => setImmediate(() => {}));

/**
 * Calls `ready` on Node's own event loop whenever `fd` is readable or hung up, until closed. Main thread only. The fd
 * stays the caller's and must outlive the watch. An exception must not cross C: it is rethrown from a fresh turn of the
 * loop.
 */
export function watchReadable(fd: number, ready: () => void): { close(): void } {
  const handle = allocateHandle(Number(uvHandleSize(UV_POLL)));
  const failed = (status: number): Error => new Error(`uv_poll on descriptor ${fd}: status ${status}`);
  const initStatus: number = uvPollInit(uvDefaultLoop(), handle, fd);
  if (initStatus !== 0) {
    freeHandle(handle);
    throw failed(initStatus);
  }
  const onPoll = registerPollCallback(() => {
    try {
      ready();
      runPending();
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
  });
  uvPollStart(handle, UV_READABLE | UV_DISCONNECT, onPoll);
  let open = true;
  return {
    close() {
      if (!open) return;
      open = false;
      const onClose = registerCloseCallback(() => {
        setImmediate(() => {
          unregisterCallback(onPoll);
          unregisterCallback(onClose);
          freeHandle(handle);
        });
      });
      uvClose(handle, onClose);
    },
  };
}
