import type { Limited } from "./limited.ts";
import type { BenchRow } from "./row.ts";
import { floor, inTurn } from "./run.ts";
import { ms, times, us } from "./units.ts";

const HELD_MIB = 2000;
const HELD_LIMIT = `${HELD_MIB + 8}m`;
/** What it asks for again and again: more than the limit. */
const WANTED_MIB = 4096;
/** So many times each is run; the least counts. */
const ROUNDS = 5;
const GENEROUS = "64g";
/** Calls whose delay is measured. */
const CALLS = 2000;

const near = (calls: number): string[] => [floor("near"), String(HELD_MIB), String(calls), String(WANTED_MIB)];

/** What a program at its limit costs itself, and another tree of the same daemon; beside C supervisors that do no more than refuse. */
export async function neighbourBenches(place: Limited): Promise<BenchRow[]> {
  const refused = Number(place.limited(HELD_LIMIT, near(400)).trim().split("\n").at(-1)) / 1e6;
  const loop = [floor("timed"), "sh", "-c", times(50, "/bin/true")];
  const latency = [floor("call-latency"), String(CALLS)];
  const ours = (command: readonly string[]) => (): number => Number(place.limited(GENEROUS, command).trim());
  const plain = (command: readonly string[]) => (): number => place.measure([floor("supervisor"), ...command]);
  const all = [ours(loop), ours(latency), plain(loop)];
  const least = (): number[] => inTurn(ROUNDS, ...all).map((figures) => Math.min(...figures));
  const [alone, aloneAtMost, floorAlone] = least() as [number, number, number];
  const other = await place.startLimited(HELD_LIMIT, near(0));
  const beside: number[] = [];
  try {
    beside.push(...inTurn(ROUNDS, ours(loop), ours(latency)).map((figures) => Math.min(...figures)));
  } finally {
    await other.end();
  }
  const otherFloor = await place.startUnderFloor(WANTED_MIB * 1e6, near(0));
  try {
    beside.push(...inTurn(ROUNDS, plain(loop)).map((figures) => Math.min(...figures)));
  } finally {
    await otherFloor.end();
  }
  const [loopBeside, atMost, floorBeside] = beside as [number, number, number];
  const value = loopBeside / alone;
  return [
    {
      name: "run: a refused call of a process that holds 2 GB",
      ...{ value: refused, unit: "ms", target: "<= 0.2", met: refused <= 0.2, detail: "the median of 400" },
    },
    {
      name: "run: 50 x /bin/true beside a tree at its limit, to the same alone",
      ...{ value, unit: "x", target: "<= 1.2", met: value <= 1.2 },
      detail: `${ms(loopBeside)} : ${ms(alone)}; two C supervisors ${(floorBeside / floorAlone).toFixed(2)}`,
    },
    {
      name: "run: 99 of 100 mmaps beside a tree at its limit take at most",
      ...{ value: atMost / 1e6, unit: "ms", target: "<= 2", met: atMost <= 2e6, detail: `alone ${us(aloneAtMost)}` },
    },
  ];
}
