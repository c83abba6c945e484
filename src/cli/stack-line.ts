import type { Paint } from "./paint.ts";

/** One line of `stack`, procfs(5); absent is what is not known. */
export interface StackLine {
  readonly number: number;
  readonly pc: string;
  readonly symbol?: string;
  readonly offset?: number;
  readonly file?: string;
  readonly line?: number;
  readonly module?: string;
  /** The kernel's call of a signal handler. */
  readonly signal?: true;
}

const LINE = /^#(\d+) (0x[0-9a-f]+) (<signal>|\?\?|(\S+)\+(0x[0-9a-f]+))(?: (\S+):(\d+))?(?: \((\S+)\))?$/;

/** The bytes that are escaped as `\ooo`. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** Undefined for a line of another form: of a newer server. */
export function parseStackLine(text: string): StackLine | undefined {
  const match = LINE.exec(text);
  if (!match) return undefined;
  const [, number, pc, place, symbol, offset, file, line, module] = match;
  return {
    number: Number(number),
    pc: pc!,
    ...(symbol === undefined ? {} : { symbol: unescaped(symbol), offset: Number(offset) }),
    ...(file === undefined ? {} : { file: unescaped(file), line: Number(line) }),
    ...(module === undefined ? {} : { module: unescaped(module) }),
    ...(place === "<signal>" ? { signal: true as const } : {}),
  };
}

/** The line in colours, what one looks for first the brightest. */
export function paintStackLine(text: string, paint: Paint): string {
  const match = LINE.exec(text);
  if (!match) return text;
  const [, number, pc, place, symbol, offset, file, line, module] = match;
  const parts = [`#${number}`, paint("dim", pc!)];
  if (symbol === undefined) parts.push(paint("yellow", place!));
  else parts.push(`${paint("bold", symbol)}${paint("dim", `+${offset}`)}`);
  if (file !== undefined) parts.push(`${paint("green", file)}:${paint("green", line!)}`);
  if (module !== undefined) parts.push(paint("dim", `(${module})`));
  return parts.join(" ");
}
