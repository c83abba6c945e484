/**
 * Keeps this process running although its event loop has nothing to wait for that it knows of: what is awaited will come by
 * a signal, or by a descriptor that does not count. Returns how to end that.
 */
export function keepAlive(): () => void {
  // The longest interval that there is.
  const timer = setInterval(() => {}, 2 ** 31 - 1);
  return () => clearInterval(timer);
}
