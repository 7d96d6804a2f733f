// What all commands have in common: --json, --socket, an example in the help.

import { Command, type Help, Option } from "commander";
import { DEFAULT_SOCKET } from "../host/paths.ts";
import type { CliIo } from "./io.ts";

/** The control socket that is meant: --socket, SYSTOLE_SOCKET, or the default. */
export function socketPath(io: CliIo, options: { readonly socket?: string }): string {
  return options.socket ?? (io.env["SYSTOLE_SOCKET"] || DEFAULT_SOCKET);
}

/** A command with its description, --json, and an example. */
export function verb(name: string, description: string, examples: readonly string[]): Command {
  return new Command(name)
    .description(description)
    .option("--json", "print one JSON document instead of text")
    .addHelpText(
      "after",
      `\nExample${examples.length === 1 ? "" : "s"}:\n${examples.map((each) => `  ${each}`).join("\n")}`,
    );
}

/** The same for a command that talks to a running node. */
export function nodeVerb(name: string, description: string, examples: readonly string[]): Command {
  return verb(name, description, examples).addOption(
    new Option("--socket <path>", `control socket of the node (or SYSTOLE_SOCKET; default ${DEFAULT_SOCKET})`),
  );
}

/** The same for a command that changes the configuration. */
export function changeVerb(name: string, description: string, examples: readonly string[]): Command {
  return nodeVerb(name, description, examples).option("--reason <text>", "why, for the history (systole cib history)");
}

/** A word that stands above several commands. */
export function family(name: string, description: string, members: readonly Command[]): Command {
  const command = new Command(name).description(description);
  for (const member of members) command.addCommand(member);
  return command;
}

/** The same look of the help everywhere, at any width. */
export function configureHelp(command: Command, width: number): void {
  command.configureHelp({ helpWidth: width, sortSubcommands: false, showGlobalOptions: false } satisfies Partial<Help>);
  for (const member of command.commands) configureHelp(member, width);
}
