import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { agentSocket, containerProfile } from "../../app/container-profile.ts";
import { tellDaemon } from "../../app/daemon/client.ts";
import { formatSize } from "../../core/base/size.ts";
import { utf8 } from "../../core/base/text.ts";
import { refuseTooLittle } from "../../core/policy/swap-limit.ts";
import { startDaemonInBackground } from "../background.ts";
import { readArgument, sizeArgument } from "../size-argument.ts";
import { show } from "../terminal.ts";

/** `unix:PATH`, or a plain path. */
function socketArgument(text: string): string {
  const path = text.replace(/^unix:/, "");
  if (path === "") throw new InvalidArgumentError("say unix:PATH");
  return resolve(path);
}

export function agentCommand(): Command {
  return new Command("agent")
    .description(
      "take the containers of runtimes that are given `lyonnais oci-profile` under accounting; the daemon does it",
    )
    .option("--listen <address>", "unix:PATH, where runtimes connect", socketArgument)
    .action(async ({ listen = agentSocket() }: { listen?: string }) => {
      if (!(await tellDaemon(`agent ${listen}`, startDaemonInBackground))) process.exitCode = 1;
    });
}

const budgetOf = readArgument((text) => {
  const bytes = sizeArgument()(text);
  refuseTooLittle(bytes);
  return bytes;
});

export function ociProfileCommand(): Command {
  return new Command("oci-profile")
    .description(
      "print the seccomp profile that hands a container to `lyonnais agent`: for an OCI config.json, Docker, podman, Kubernetes",
    )
    .option("--base <file>", "a profile, as JSON, to join with ours: what it refuses is refused")
    .option(
      "--swap <size>",
      "what each container may have reserved; an annotation io.lyonnais.swap may say less",
      budgetOf,
    )
    .option("--listen <address>", "unix:PATH of the agent", socketArgument)
    .action(({ base, swap, listen = agentSocket() }: { base?: string; swap?: number; listen?: string }) => {
      const metadata = swap === undefined ? "" : `swap=${formatSize(swap)}`;
      show(utf8(`${JSON.stringify(containerProfile({ path: listen, metadata }, base), null, 2)}\n`));
    });
}
