import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Text in a colour or as it is. */
export type Paint = (style: Style, text: string) => string;

/** Colours on a terminal, unless NO_COLOR (no-color.org) says something or TERM is dumb; plain text to everything else. */
export function paintFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  const isWanted = stream.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  // Newer versions of Node would look at the standard output themselves.
  return isWanted ? (style, text) => styleText(style, text, { validateStream: false }) : (_style, text) => text;
}
