/** Where something stands: line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export const formatPlace = ({ file, line, column }: Place): string => `${file}:${line}:${column}`;

/** What is wrong, or, where it is a warning, has no effect: one line for a person. */
export interface Problem {
  readonly place: Place;
  readonly text: string;
  readonly isWarning: boolean;
}

export const formatProblem = ({ place, text, isWarning }: Problem): string =>
  `${formatPlace(place)}: ${isWarning ? "warning: " : ""}${text}`;

/** A heading or a setting of a configuration file, in the order of the file. */
export interface Statement {
  /** Of a heading, the section's; of a setting, the section's and the key. */
  readonly path: readonly string[];
  /** What is set; absent: a heading. */
  readonly value?: unknown;
  /** Of the heading, or of the key. */
  readonly place: Place;
  /** Of the value; that of the heading else. */
  readonly valuePlace: Place;
}
