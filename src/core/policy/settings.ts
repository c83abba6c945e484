import { Errno } from "../base/errno.ts";
import { formatSize, parseSize } from "../base/size.ts";
import { formatSwapLimit, parseSwapLimit, refuseTooLittle, type SwapBytes } from "./swap-limit.ts";

/** Who puts a uid's processes under accounting: the daemon as soon as it hears of them, or only a login. */
export type EnrolWay = "automatic" | "login";

/** What can be set. */
export interface Values {
  /** What a uid may have reserved in all. */
  readonly swap: SwapBytes;
  /** What each session, a tree of processes that came under accounting together, may have: bytes. */
  readonly job: number;
  /** Nothing that is less specific holds. */
  readonly exempt: boolean;
  readonly enrol: EnrolWay;
  /** The bits of vm.overcommit. */
  readonly overcommit: number;
}

export type Key = keyof Values;

/** One row here is all a setting takes. */
interface SettingRow<K extends Key> {
  /** What may be said, for a person. */
  readonly takes: string;
  /** It is about the whole machine. */
  readonly onlyDefault?: true;
  /** EINVAL. */
  read(value: unknown): Values[K];
  format(value: Values[K]): string;
}

const NO: Errno = new Errno("EINVAL", "");

/** A size as `run -w` takes it, or a whole number of bytes. */
function sizeText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return String(value);
  throw NO;
}

const ENROL_WAYS: readonly string[] = ["automatic", "login"] satisfies readonly EnrolWay[];

export const SETTINGS: { readonly [K in Key]: SettingRow<K> } = {
  swap: {
    takes: `a size, as in swap = "4g", or soft and hard, as in swap = "4g:8g"`,
    read: (value) => {
      const limit = parseSwapLimit(sizeText(value));
      refuseTooLittle(limit.soft);
      return limit;
    },
    format: formatSwapLimit,
  },
  job: {
    takes: `a size, as in job = "2g"`,
    read: (value) => {
      const most = parseSize(sizeText(value), "infinity");
      refuseTooLittle(most);
      return most;
    },
    format: formatSize,
  },
  exempt: {
    takes: "true or false, without quotes",
    read: (value) => {
      if (typeof value !== "boolean") throw NO;
      return value;
    },
    format: String,
  },
  enrol: {
    takes: `"automatic" or "login"`,
    read: (value) => {
      if (typeof value !== "string" || !ENROL_WAYS.includes(value)) throw NO;
      return value as EnrolWay;
    },
    format: String,
  },
  overcommit: {
    takes: "a number from 0 to 7, the bits of vm.overcommit",
    onlyDefault: true,
    read: (value) => {
      if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 7) throw NO;
      return value;
    },
    format: String,
  },
};

export const KEYS: readonly Key[] = Object.keys(SETTINGS) as Key[];

export const isKey = (text: string): text is Key => Object.hasOwn(SETTINGS, text);

/** The value, or EINVAL with what was said, what is wrong with it and what is meant. */
export function readSetting<K extends Key>(key: K, value: unknown): Values[K] {
  const row = SETTINGS[key];
  try {
    return row.read(value);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    const reason = error.reason === "" ? `${show(value)} is not what it takes` : error.reason;
    throw new Errno("EINVAL", `${key}: ${reason}; it takes ${row.takes}`, error);
  }
}

function show(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  if (typeof value === "object") return "a table";
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
