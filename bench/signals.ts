import { program } from "../test/support/programs.ts";
import type { Limited } from "./limited.ts";
import type { BenchRow } from "./row.ts";
import { floor } from "./run.ts";
import { ms, times, us } from "./units.ts";

/** Calls under a timer whose handler lacks SA_RESTART; forks are a twentieth. */
const SIGNALLED = Number(process.env["LYONNAIS_BENCH_SIGNALLED"] ?? 100_000);
const SIGNALS = 5_000;

/** How many calls fail with EINTR that would not without us, and what it costs a process that nothing does. */
export function signalBench(place: Limited): BenchRow[] {
  const counted = ["brk", "mmap", "fork"].flatMap((call) =>
    [1000, 10_000].map((usec): BenchRow => {
      const calls = call === "fork" ? SIGNALLED / 20 : SIGNALLED;
      const said = place.said([program("signalled"), call, String(usec), String(calls)]);
      const [, eintr, other] = /^EINTR (\d+) other (\d+)$/.exec(said) ?? [said, Number.NaN, Number.NaN];
      const value = Number(eintr) + Number(other);
      const name = `run: ${call} that fails, ${calls} with a signal each ${usec / 1000} ms`;
      return { name, value, unit: "calls", target: "0", met: value === 0, detail: said };
    }),
  );
  const { native, run } = place.least([floor("signal-loop"), String(SIGNALS)]);
  const signal: BenchRow = {
    name: "run: time added to a signal and its handler, of a process that is seized",
    value: (run - native) / 1000,
    unit: "µs",
    detail: `${us(run)} : ${us(native)}`,
  };
  const loops = ["dash", "bash"].map((shell): BenchRow => {
    const command = [floor("timed"), shell, "-c", times(200, "/bin/true")];
    const repaired = place.least(command);
    const plain = place.least(command, ["--no-repair"]);
    const more = (time: number): number => (time / repaired.native - 1) * 100;
    const [value, without] = [more(repaired.run), more(plain.run)];
    const detail = `--no-repair ${without.toFixed(1)} %, C supervisor ${more(repaired.floor).toFixed(1)} %, alone ${ms(repaired.native)}`;
    return { name: `run: 200 fork+exec of /bin/true by ${shell}, with repair`, value, unit: "%", detail };
  });
  return [...counted, signal, ...loops];
}
