import { parse, TomlError } from "smol-toml";
import type { Place, Problem, Statement } from "../../core/policy/statement.ts";

/** How a key is written before its `=`. */
const KEY = /^\s*(?:"(?:[^"\\]|\\.)*"|'[^']*'|[\w-]+|[.\t ]+)+=[\t ]*/;

/**
 * The headings and settings of a TOML file, in order and with their places; where it is no TOML, the one problem that is first. smol-toml
 * tells the places of what is no TOML only: so each line, which is one heading or one key with its value, is parsed alone as well. What
 * goes on in the next line is no setting of ours.
 */
export function readStatements(file: string, text: string): { statements: Statement[]; problems: Problem[] } {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const place = { file, line: error.line, column: error.column };
    const reason = error.message.split("\n")[0]!.replace(/^Invalid TOML document: /, "");
    return { statements: [], problems: [{ place, text: `no TOML: ${reason}`, isWarning: false }] };
  }
  const statements: Statement[] = [];
  let section: readonly string[] = [];
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  for (const [i, line] of lines.entries()) {
    const indent = /^[\t ]*/.exec(line)![0].length;
    const place: Place = { file, line: i + 1, column: indent + 1 };
    const value = parsed(line);
    if (!value) {
      const problem = { place, text: "no setting takes a value of more than one line", isWarning: false };
      return { statements, problems: [problem] };
    }
    if (line.trimStart().startsWith("[")) {
      section = headingPath(value);
      statements.push({ path: section, place, valuePlace: place });
    } else {
      const before = KEY.exec(line)?.[0].length ?? indent;
      for (const [path, each] of leaves(value)) {
        statements.push({
          path: [...section, ...path],
          value: each,
          place,
          valuePlace: { ...place, column: before + 1 },
        });
      }
    }
  }
  return { statements, problems: [] };
}

function parsed(line: string): Table | undefined {
  try {
    return parse(line);
  } catch {
    return undefined;
  }
}

type Table = { readonly [key: string]: unknown };

const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** What stands between the brackets. A list of tables has the path of the list. */
function headingPath(value: unknown): string[] {
  if (!isTable(value)) return [];
  const [entry] = Object.entries(value);
  return entry ? [entry[0], ...headingPath(entry[1])] : [];
}

/** What is set, also within inline tables. */
function* leaves(table: Table): Iterable<[path: string[], value: unknown]> {
  for (const [key, value] of Object.entries(table)) {
    if (!isTable(value) || Object.keys(value).length === 0) yield [[key], value];
    else for (const [path, leaf] of leaves(value)) yield [[key, ...path], leaf];
  }
}
