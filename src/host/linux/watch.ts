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
