import { Errno } from "../../base/errno.ts";
import type { Handle } from "../../vfs/node.ts";
import { parseWord, WordPosition } from "../ctl/parse.ts";
import { isSignalWord } from "../ctl/signals.ts";
import { goneError, type ProcFile } from "../file.ts";
import type { Signals } from "../ports.ts";

function openNote(method: keyof Signals): ProcFile["open"] {
  return (context): Handle => {
    const { process, ports, options } = context;
    const position = new WordPosition(context.mode);
    return {
      read() {
        throw new Errno("EINVAL", "a note can only be written");
      },
      write(caller, offset, data) {
        if (!process.alive()) throw goneError(process);
        position.check(offset);
        const word = parseWord("note", data, options);
        if (!isSignalWord(word)) throw new Errno("EOPNOTSUPP", `no note ${JSON.stringify(word)}`);
        ports.signals[method](process, [caller, context.opener], word);
        position.advance(offset, data.length);
        return data.length;
      },
    };
  };
}

export const note: ProcFile = {
  name: "note",
  kind: "file",
  slot: 7,
  mode: 0o200,
  doc: "takes a signal name and posts it to the process",
  open: openNote("note"),
};

export const notepg: ProcFile = {
  name: "notepg",
  kind: "file",
  slot: 8,
  mode: 0o200,
  doc: "takes a signal name and posts it to the process group",
  open: openNote("noteGroup"),
};
