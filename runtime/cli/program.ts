// The program `systole`: its commands, and what happens when one fails. Commands load what they need when they run, so that
// `systole status` is quick.

import { Command, CommanderError } from "commander";
import { EXIT } from "../host/errors.ts";
import { SYSTOLE_VERSION } from "../version.ts";
import { arbiterCommand } from "./commands/arbiter.ts";
import { cibCommand } from "./commands/cib.ts";
import { devCommand } from "./commands/dev.ts";
import { backupCommands, keyCommand, newCommand, nodeCommand } from "./commands/files.ts";
import { attributeCommand, fenceCommand, nodeCommands, propertyCommand } from "./commands/nodes.ts";
import { pluginCommand } from "./commands/plugin.ts";
import { resourceCommand } from "./commands/resource.ts";
import { statusCommand } from "./commands/status.ts";
import { demoCommand } from "./demo/command.ts";
import { explainCommand } from "./explain/command.ts";
import { exitCodesText, type FailureReport, reportOf } from "./failure.ts";
import type { CliIo } from "./io.ts";
import { configureHelp } from "./options.ts";

/** Help is no wider than this, whatever the terminal. */
const MAX_HELP_WIDTH = 110;

/** All commands. */
function createProgram(io: CliIo): Command {
  const program = new Command("systole")
    .description("Keeps services alive on a set of machines.")
    .version(SYSTOLE_VERSION)
    .addCommand(statusCommand(io))
    .addCommand(resourceCommand(io));
  for (const command of nodeCommands(io)) program.addCommand(command);
  program
    .addCommand(attributeCommand(io))
    .addCommand(propertyCommand(io))
    .addCommand(fenceCommand(io))
    .addCommand(cibCommand(io))
    .addCommand(simulateLater(io))
    .addCommand(explainCommand(io))
    .addCommand(pluginCommand(io))
    .addCommand(nodeCommand(io))
    .addCommand(arbiterCommand(io))
    .addCommand(keyCommand(io));
  for (const command of backupCommands(io)) program.addCommand(command);
  program
    .addCommand(newCommand(io))
    .addCommand(devCommand(io))
    .addCommand(demoCommand())
    .addHelpText(
      "after",
      `\nExamples:\n  systole demo\n  systole status --watch\n  systole resource move web node2\n\n${exitCodesText()}`,
    );
  return program;
}

/** The scheduler is large, so its command is loaded when it is wanted; until then, its words are only passed on. */
function simulateLater(io: CliIo): Command {
  return new Command("simulate")
    .description("show what the cluster would do with a CIB; needs no running node")
    .argument("[words...]")
    .usage("[options]")
    .allowUnknownOption()
    .helpOption(false)
    .action(async (_words: readonly string[], _options: object, proxy: Command) => {
      const { simulateCommand } = await import("./simulate/command.ts");
      const command = prepare(simulateCommand(io).name("systole simulate"), io);
      await command.parseAsync(proxy.args, { from: "user" });
    });
}

/** Makes a command write to `io` and throw instead of ending the process. */
function prepare(command: Command, io: CliIo): Command {
  configureHelp(command, Math.min(io.columns, MAX_HELP_WIDTH));
  for (const each of withMembers(command)) {
    each.exitOverride();
    each.configureOutput({ writeOut: io.out, writeErr: () => {}, getOutHasColors: () => false });
  }
  return command;
}

/** Runs one command line (without node and program); the exit code. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  const program = prepare(createProgram(io), io);
  const json = argv.includes("--json");
  try {
    await program.parseAsync([...argv], { from: "user" });
    return Number(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      const report = usageReport(error, argv, program);
      tellFailure(io, json, report);
      return report.exitCode;
    }
    const report = reportOf(error);
    if (report === undefined) throw error;
    tellFailure(io, json, report);
    return report.exitCode;
  }
}

function withMembers(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withMembers)];
}

function tellFailure(io: CliIo, json: boolean, report: FailureReport): void {
  const { code, message, details, exitCode } = report;
  if (message === "") return;
  if (json) io.out(`${JSON.stringify({ ok: false, error: { code, message, details, exitCode } })}\n`);
  else io.err(`${[`systole: ${message}`, ...details.map((detail) => `  ${detail}`)].join("\n")}\n`);
}

/** What is wrong with a command line, with the way to the right one. */
function usageReport(error: CommanderError, argv: readonly string[], program: Command): FailureReport {
  const helpOf = commandMeant(argv, program);
  const next = `"${helpOf} --help" says how it is used.`;
  const common = { code: "usage", exitCode: EXIT.usage, details: [] } as const;
  if (error.code === "commander.help") {
    const what = helpOf === "systole" ? "What shall be done" : `What shall "${helpOf}" do`;
    return { ...common, message: `${what}? ${next}` };
  }
  const [said = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  const meant = /\(Did you mean (.+?)\?\)/.exec(suggestion ?? "")?.[1];
  const sentence = `${said.charAt(0).toUpperCase()}${said.slice(1).replace(/'/g, '"').replace(/\.$/, "")}.`;
  const hint = meant === undefined ? "" : ` Did you mean "${meant}"?`;
  return { ...common, message: `${sentence}${hint} ${next}` };
}

/** The innermost command that the words name: its help is the one to read. */
function commandMeant(argv: readonly string[], program: Command): string {
  let command = program;
  const words = ["systole"];
  for (const word of argv) {
    const member = command.commands.find((one) => one.name() === word);
    if (member === undefined) break;
    command = member;
    words.push(word);
  }
  return words.join(" ");
}
