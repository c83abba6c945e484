import { Errno } from "../../core/base/errno.ts";
import type { DaemonActions } from "./control-fs.ts";
import { diskWord } from "./disk-words.ts";
import { enrolWord } from "./enrol-word.ts";
import { limitsWord } from "./limits-words.ts";
import { runWord } from "./run-word.ts";

type Answer = string | undefined;

/** A word of the daemon's `ctl`: one row here is all it takes. */
interface DaemonWord {
  readonly word: string;
  /** It is done with the daemon's rights to what is not the caller's: for callers that have all of them. EPERM else. */
  readonly own?: true;
  /** `rest` is what follows the word. Resolves to what there is to answer, if anything. */
  run(actions: DaemonActions, rest: string): Promise<Answer> | Answer;
}

const DAEMON_WORDS: readonly DaemonWord[] = [
  {
    // `mount OPTIONS DIR`, `-` for no options.
    word: "mount",
    own: true,
    run: async (actions, rest) => {
      const [, options, dir] = /^(\S+) (.+)$/s.exec(rest) ?? [];
      if (options === undefined) throw new Errno("EINVAL", "mount takes OPTIONS DIR");
      await actions.mount(options === "-" ? "" : options, dir!);
      return undefined;
    },
  },
  { word: "md", own: true, run: ({ disks }, rest) => diskWord(rest, disks) },
  { word: "limits", own: true, run: ({ limits }, rest) => limitsWord(rest, limits) },
  {
    // `agent PATH`.
    word: "agent",
    own: true,
    run: async (actions, rest) => {
      await actions.agent(rest);
      return undefined;
    },
  },
  { word: "enrol", own: true, run: ({ enrol }, rest) => enrolWord(rest, enrol) },
  { word: "run", run: (actions, rest) => runWord(rest, actions.run) },
  {
    word: "stay",
    run: (actions) => {
      actions.stay();
      return undefined;
    },
  },
  {
    word: "stop",
    own: true,
    run: (actions, rest) => {
      if (rest !== "" && rest !== "force") throw new Errno("EINVAL", `stop takes force, or nothing`);
      return actions.stop(rest === "force");
    },
  },
];

/** The row of a word and what follows it. EOPNOTSUPP. */
export function findDaemonWord(text: string): { readonly row: DaemonWord; readonly rest: string } {
  const [, word = "", rest = ""] = /^(\S*)(?: (.*))?$/s.exec(text) ?? [];
  const row = DAEMON_WORDS.find((each) => each.word === word);
  if (!row) throw new Errno("EOPNOTSUPP", `no word ${JSON.stringify(text)}`);
  return { row, rest };
}
