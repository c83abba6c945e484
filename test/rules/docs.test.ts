import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { Command } from "commander";
import { CTL_WORDS, NODES, ROOT_FILES, SIGNALS, THREAD_NODES } from "../../src/app/catalogue.ts";
import { MOUNT_OPTIONS } from "../../src/app/mount-options.ts";
import { OPS } from "../../src/app/vectors/ops.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { EXAMPLES } from "../../src/cli/examples.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { KEYS } from "../../src/core/policy/settings.ts";
import { QUOTAS } from "../../src/core/procfs/quotas.ts";
import { ROOT } from "../support/paths.ts";

const read = (name: string): string => readFileSync(join(ROOT, name), "utf8");

/** heading → text, of the sections `###` below `## SECTION`. */
function sections(page: string, section: string): Map<string, string> {
  const body = new RegExp(`^## ${section}\\n(.*?)(?=^## )`, "ms").exec(page)![1]!;
  return new Map(
    body
      .split(/^### /m)
      .slice(1)
      .map((part) => {
        const [title, ...lines] = part.split("\n");
        return [title!, lines.join(" ").replace(/\s+/g, " ").trim()] as const;
      }),
  );
}

test("procfs(5) has exactly the files of the table, with mode and description", () => {
  const page = read("docs/procfs.5.md");
  for (const [section, table] of [
    ["FILES", NODES],
    ["THREAD FILES", THREAD_NODES],
    ["ROOT FILES", ROOT_FILES],
  ] as const) {
    const files = sections(page, section);
    assert.deepEqual(
      [...files.keys()],
      table.map(({ name }) => name),
    );
    for (const { name, mode, doc } of table) {
      const beginning = `Mode 0${mode.toString(8)}. ${doc}`;
      assert.ok(files.get(name)!.startsWith(beginning), `${name}: ${beginning}`);
    }
  }
});

test("procfs(5) has exactly the words and the signals of the tables", () => {
  const page = read("docs/procfs.5.md");
  const words = sections(page, "CONTROL WORDS");
  assert.deepEqual([...words.keys()].sort(), CTL_WORDS.map(({ word }) => word).sort());
  for (const { word, doc } of CTL_WORDS) assert.ok(words.get(word)!.startsWith(doc), word);
  const signals = /## SIGNAL NAMES\n\n([a-z0-9\s]+?)\n\n/.exec(page)![1]!.split(/\s+/);
  assert.deepEqual(signals, SIGNALS);
});

test("procfs(5) has exactly the quotas of the table", () => {
  const section = /^## QUOTAS\n(.*?)(?=^## )/ms.exec(read("docs/procfs.5.md"))![1]!;
  const rows = Object.values(QUOTAS).map(({ what, most, errno }) => `| ${what} | ${most} | ${errno} |`);
  assert.deepEqual(
    section
      .split("\n")
      .filter((line) => line.endsWith("|"))
      .slice(2),
    rows,
  );
});

test("limits.toml(5) has exactly the settings of the table", () => {
  assert.deepEqual([...sections(read("docs/limits.5.md"), "SETTINGS").keys()].sort(), [...KEYS].sort());
});

test("README has the files and the words, line by line", () => {
  const readme = read("README.md");
  for (const { name, doc } of [...NODES, ...ROOT_FILES]) assert.ok(readme.includes(`| \`${name}\` | ${doc} |`), name);
  for (const { word, doc } of CTL_WORDS) assert.ok(readme.includes(`| \`${word}\` | ${doc} |`), word);
});

test("lyonnais(1) has exactly the commands, their options and the mount options", async () => {
  const page = read("docs/lyonnais.1.md");
  const described = sections(page, "COMMANDS");
  const program = await buildProgram();
  assert.deepEqual(
    program.commands.map((command) => command.name()),
    COMMANDS.map(({ name }) => name),
  );
  const commands = leaves(program);
  assert.deepEqual([...described.keys()], [...commands.keys()]);
  for (const [name, command] of commands) {
    assert.match(page, new RegExp(`^    lyonnais (?:\\[-r ADDRESS\\] )?${name}\\b`, "m"));
    for (const { long, short } of command.options) {
      for (const flag of [long, short])
        if (flag) assert.ok(described.get(name)!.includes(`\`${flag}\``), `${name} ${flag}`);
    }
  }
  const listed = [...page.matchAll(/^ {2}- `([a-z_]+(?:=[a-z0-9]+)?)`: ([^.]*)/gm)].map((match) => [
    match[1],
    match[2],
  ]);
  assert.deepEqual(
    listed,
    MOUNT_OPTIONS.map(({ word, doc }) => [word, doc]),
  );
});

test("lyonnais(1) has exactly the options of every command, and their arguments in the synopsis", async () => {
  const page = read("docs/lyonnais.1.md");
  const options = /^## OPTIONS\n(.*?)(?=^## )/ms.exec(page)![1]!;
  const program = await buildProgram();
  assert.deepEqual(flagsIn(options), ["--help", "--remote", "--tls", "--version", "-V", "-h", "-r"]);
  const help = program.helpInformation();
  for (const flag of flagsIn(options)) assert.ok(help.includes(flag), flag);
  const described = sections(page, "COMMANDS");
  for (const [name, command] of leaves(program)) {
    const flags = command.options.flatMap(({ long, short }) => [long, short]).filter((flag) => flag !== undefined);
    assert.deepEqual(flagsIn(described.get(name)!), flags.sort(), name);
    const synopsis = new RegExp(`^    lyonnais (?:\\[-r ADDRESS\\] )?${name}(.*)$`, "m").exec(page)![1]!;
    const operands = command.registeredArguments.map((argument) => {
      const operand = argument.name().toUpperCase() + (argument.variadic ? "..." : "");
      return argument.required ? operand : `[${operand}]`;
    });
    assert.ok(synopsis.endsWith(operands.map((operand) => ` ${operand}`).join("")), `${name}: ${synopsis}`);
  }
});

test("the example in the help of a command is one of that command, with options that there are", async () => {
  const commands = leaves(await buildProgram());
  for (const [name, [, ...lines]] of Object.entries(EXAMPLES)) {
    const ours = lines
      .map((line) => line.slice(line.indexOf("lyonnais")))
      .find((line) => line.includes(`lyonnais ${name}`));
    assert.ok(ours, name);
    const [, first = "", second = ""] = ours.split(" ");
    const command = commands.get(first) ?? commands.get(`${first} ${second}`);
    assert.ok(command, ours);
    const known = command.options.flatMap(({ long, short }) => [long, short]);
    for (const flag of (ours.split(" -- ")[0] ?? "").match(/(?<= )--?[a-z][a-z-]*/g) ?? [])
      assert.ok(known.includes(flag), `${ours}: ${flag}`);
  }
});

test("lyonnais(1) has exactly the operations of a scenario", () => {
  const text = sections(read("docs/lyonnais.1.md"), "COMMANDS").get("vm check")!;
  const listed = /The operations: ([^.]*)\./.exec(text)![1]!;
  assert.deepEqual(
    [...listed.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    Object.keys(OPS),
  );
});

/** The commands that do something, by what one types for them: `ls`, `vm check`. */
function leaves(program: Command): Map<string, Command> {
  return new Map(
    program.commands.flatMap((command) =>
      command.commands.length === 0
        ? [[command.name(), command] as const]
        : command.commands.map((part) => [`${command.name()} ${part.name()}`, part] as const),
    ),
  );
}

/** Every option written as code, once. */
function flagsIn(text: string): string[] {
  return [...new Set([...text.matchAll(/`(--?[A-Za-z][a-z-]*)`/g)].map(([, flag]) => flag!))].sort();
}

test("what docs/architecture.md says of a module is said of one that is there", () => {
  const names = new Set(read("docs/architecture.md").match(/\b(core|host|app|cli)\/[\w./-]*\w/g));
  assert.ok(names.size > 60, `${names.size} names`);
  for (const name of names) {
    const path = join(ROOT, "src", name);
    assert.ok(existsSync(path) || existsSync(`${path}.ts`), `src/${name} is not there`);
  }
});

test("what the documents link to is there", () => {
  const decisions = readdirSync(join(ROOT, "docs/decisions")).map((name) => `docs/decisions/${name}`);
  const pages = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  for (const page of ["README.md", "CONTRIBUTING.md", ...pages.map((name) => `docs/${name}`), ...decisions]) {
    for (const [, target] of read(page).matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)) {
      assert.ok(existsSync(join(ROOT, dirname(page), target!)), `${page}: ${target}`);
    }
  }
});
