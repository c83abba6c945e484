import { InvalidArgumentError } from "commander";
import { isErrno } from "../core/base/errno.ts";
import { parseSize } from "../core/base/size.ts";

/** For an option: what `read` refuses is wrong usage. */
export function readArgument<T>(read: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return read(text);
    } catch (error) {
      if (isErrno(error)) throw new InvalidArgumentError(error.reason);
      throw error;
    }
  };
}

/** For an option: what is no size is wrong usage. */
export function sizeArgument(allow?: "infinity"): (text: string) => number {
  return readArgument((text) => parseSize(text, allow));
}
