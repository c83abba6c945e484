import type { Command } from "commander";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** A place on the command line: behind `path`, the words of the commands so far, one may type `words`, each with what it is. */
interface Place {
  readonly path: readonly string[];
  readonly commands: readonly (readonly [word: string, what: string])[];
  readonly options: readonly Option[];
}

interface Option {
  readonly short: string | undefined;
  readonly long: string | undefined;
  readonly what: string;
  readonly takesValue: boolean;
}

function places(command: Command, path: readonly string[] = []): Place[] {
  const options = command.options.map(({ short, long, description, required, optional }) => {
    return { short, long, what: description, takesValue: required || optional };
  });
  const help: Option = { short: "-h", long: "--help", what: "what the command does", takesValue: false };
  const own: Place = {
    path,
    commands: command.commands.map((each) => [each.name(), each.description()] as const),
    options: [...options, help],
  };
  return [own, ...command.commands.flatMap((each) => places(each, [...path, each.name()]))];
}

function bash(all: readonly Place[]): string {
  const known = all
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => `"${[path.slice(0, -1).join(" "), path.at(-1)].join("/")}"`);
  const cases = all.map(({ path, commands, options }) => {
    const words = [...commands.map(([word]) => word), ...options.flatMap(({ short, long }) => [short, long])];
    return `    "${path.join(" ")}") words="${words.filter((word) => word !== undefined).join(" ")}" ;;`;
  });
  return `# lyonnais completion bash
_lyonnais() {
  local current=\${COMP_WORDS[COMP_CWORD]} at= words= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at/$word" in
      ${known.join(" | ")}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _lyonnais lyonnais
`;
}

const zsh = (all: readonly Place[]): string => `#compdef lyonnais
autoload -U +X bashcompinit && bashcompinit
${bash(all)}`;

const quoted = (text: string): string => `'${text.replace(/['\\]/g, "\\$&")}'`;

function fish(all: readonly Place[]): string {
  const lines = ["# lyonnais completion fish"];
  for (const { path, commands, options } of all) {
    const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
    const none =
      commands.length > 0 && path.length > 0
        ? [`not __fish_seen_subcommand_from ${commands.map(([word]) => word).join(" ")}`]
        : [];
    const condition = path.length === 0 ? "__fish_use_subcommand" : [...seen, ...none].join("; and ");
    const begin = `complete -c lyonnais -n ${quoted(condition)}`;
    for (const [word, what] of commands) lines.push(`${begin} -f -a ${quoted(word)} -d ${quoted(what)}`);
    for (const { short, long, what, takesValue } of options) {
      const names = [...(short ? [`-s ${short.slice(1)}`] : []), ...(long ? [`-l ${long.slice(2)}`] : [])].join(" ");
      lines.push(`${begin} ${names}${takesValue ? " -r" : ""} -d ${quoted(what)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

const SCRIPTS: Readonly<Record<Shell, (all: readonly Place[]) => string>> = { bash, zsh, fish };

/** A script for a shell that completes the commands and options of `program`, as they are now. */
export function completionScript(program: Command, shell: Shell): string {
  return SCRIPTS[shell](places(program));
}
