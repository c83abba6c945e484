import { readFileSync } from "node:fs";
import { Command } from "commander";
import { nodeErrno } from "../../app/node-errno.ts";
import { openTreeAt, type TreePlace } from "../../app/open-tree.ts";
import { type TreeClient, writeAll } from "../../app/tree-client.ts";
import { isErrno } from "../../core/base/errno.ts";
import { latin1, utf8 } from "../../core/base/text.ts";
import { cat, follow, ls } from "../actions.ts";
import { hostNames } from "../names.ts";
import { reportError } from "../report.ts";
import { show } from "../terminal.ts";

async function at<T>(
  command: Command,
  path: string,
  act: (client: TreeClient, path: string) => Promise<T>,
): Promise<T> {
  const { client, path: inside } = await openTreeAt(path, command.optsWithGlobals<TreePlace>());
  try {
    return await act(client, inside);
  } finally {
    await client.close();
  }
}

export function lsCommand(): Command {
  return new Command("ls")
    .description("list a directory of the tree, such as / or 1 or curproc")
    .option("-l, --long", "modes, links, owners, sizes and times")
    .option("-i, --inode", "inode numbers")
    .argument("[path]", "in the tree, or below a running mount", "/")
    .action(async (path: string, flags: { long?: true; inode?: true }, command: Command) => {
      const lines = await at(command, path, (client, inside) =>
        ls(client, inside, { long: flags.long ?? false, inode: flags.inode ?? false }, hostNames()),
      );
      for (const line of lines) show(latin1(`${line}\n`));
    });
}

export function catCommand(): Command {
  return new Command("cat")
    .description("print files of the tree, such as curproc/status")
    .option("-f, --follow", "of a file whose reads wait, such as events: go on until it ends")
    .argument("<path...>", "in the tree, or below a running mount")
    .action(async (paths: string[], flags: { follow?: true }, command: Command) => {
      const read = flags.follow ? follow : cat;
      for (const path of paths) {
        try {
          await at(command, path, (client, inside) => read(client, inside, show));
        } catch (error) {
          if (!isErrno(error)) throw error;
          reportError(`cat ${path}`, error);
          process.exitCode = 1;
        }
      }
    });
}

function standardInput(): Uint8Array {
  try {
    return new Uint8Array(readFileSync(0));
  } catch (error) {
    throw nodeErrno(error);
  }
}

export function writeCommand(): Command {
  return new Command("write")
    .description("write a word to a file of the tree, such as a signal name to 1293/note")
    .argument("<path>", "in the tree, or below a running mount")
    .argument("<text>", "what to write; - reads standard input")
    .action(async (path: string, text: string, _flags: unknown, command: Command) => {
      const data = text === "-" ? standardInput() : utf8(text);
      await at(command, path, async (client, inside) => {
        await writeAll(client, inside, data);
        if (!client.holdsControl) return;
        process.stderr.write(
          `lyonnais: write: done, and the process is let go again: nothing keeps control when this command ends. Start what does: lyonnais daemon\n`,
        );
      });
    });
}
