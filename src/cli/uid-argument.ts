import { InvalidArgumentError } from "commander";

/** A uid as commander takes it from the command line. */
export function uidArgument(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError(`${JSON.stringify(text)} is no uid: say its number`);
  return Number(text);
}
