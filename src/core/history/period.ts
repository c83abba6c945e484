import { Errno } from "../base/errno.ts";

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const AGO = /^(\d+(?:\.\d+)?)([smhdw])$/;

/**
 * A moment, milliseconds since 1970: so long before `now` (`90s`, `30m`, `2h`, `7d`, `4w`), or a time as `readTime` reads it, which
 * returns NaN for what is none. EINVAL.
 */
export function parseMoment(text: string, now: number, readTime: (text: string) => number): number {
  const ago = AGO.exec(text);
  const moment = ago ? now - Number(ago[1]) * UNIT_MS[ago[2]!]! : readTime(text);
  if (!Number.isFinite(moment)) {
    throw new Errno("EINVAL", `${JSON.stringify(text)} is no time: say 90s, 30m, 2h or 7d ago, or 2026-11-26T03:00`);
  }
  return moment;
}
