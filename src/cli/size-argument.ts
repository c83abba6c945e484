import { InvalidArgumentError } from "commander";
import { isErrno } from "../core/base/errno.ts";
import { parseSize } from "../core/base/size.ts";

/** For an option: what is no size is wrong usage. */
export function sizeArgument(allow?: "infinity"): (text: string) => number {
  return (text) => {
    try {
      return parseSize(text, allow);
    } catch (error) {
      if (isErrno(error)) throw new InvalidArgumentError(error.reason);
      throw error;
    }
  };
}
