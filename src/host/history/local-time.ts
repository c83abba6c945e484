const two = (number: number): string => String(number).padStart(2, "0");

/** A time as the clock on the wall has it: `2026-11-26 03:04:05`. */
export function localTime(timeMs: number): string {
  const time = new Date(timeMs);
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  return `${day} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":")}`;
}
