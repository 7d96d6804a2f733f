// `systole simulate`: the options, in the letters of crm_simulate.

import { setFlagsFromString } from "node:v8";
import { Command, Option } from "commander";
import { EXIT } from "../../host/errors.ts";
import { parseBoolean } from "../../model/text.ts";
import { CliFailure } from "../failure.ts";
import type { CliIo } from "../io.ts";
import { runBatchCommand } from "./batch.ts";
import { type OperationSpec, parseOperationSpec } from "./inject.ts";
import { runProfile } from "./profile.ts";
import { runSimulation } from "./work.ts";

/** What the command was asked. */
export interface SimulateCommandOptions {
  readonly xmlFile?: string;
  readonly xmlPipe?: true;
  readonly liveCheck?: true;
  readonly run?: true;
  readonly simulate?: true;
  readonly inPlace?: true;
  readonly showAttrs?: true;
  readonly showFailcounts?: true;
  readonly showScores?: true;
  readonly showUtilization?: true;
  readonly quiet?: true;
  readonly json?: true;
  readonly setDatetime?: string;
  readonly nodeUp?: readonly string[];
  readonly nodeDown?: readonly string[];
  readonly nodeFail?: readonly string[];
  readonly opInject?: readonly OperationSpec[];
  readonly opFail?: readonly OperationSpec[];
  readonly quorum?: string;
  readonly watchdog?: string;
  readonly ticketGrant?: readonly string[];
  readonly ticketRevoke?: readonly string[];
  readonly ticketStandby?: readonly string[];
  readonly ticketActivate?: readonly string[];
  readonly saveInput?: string;
  readonly saveOutput?: string;
  readonly saveGraph?: string;
  readonly saveDotfile?: string;
  readonly allActions?: true;
  readonly profile?: string;
  readonly repeat: number;
  readonly batch?: string;
  readonly outDir?: string;
  readonly family?: string;
}

const HELP = `
An OPERATION is RESOURCE_OPERATION_INTERVALMS@NODE=RC, for example web_monitor_10000@n1=7 ("not running").
Options about nodes, tickets and operations may be repeated.

Examples:
  systole simulate --xml-file cib.xml --simulate
  systole cib query | systole simulate --xml-pipe --run --node-down n2
  systole simulate -x cib.xml -S --op-inject web_monitor_10000@n1=7 --op-fail web_start_0@n1=1
  systole simulate -x cib.xml --show-scores --show-utilization --quiet
  systole simulate --profile cib.xml --repeat 100

Exit codes: 0 done, 1 a file cannot be read, or the plan cannot be made or run to its end, 64 the command line is
wrong, 65 the data is no CIB or has no such node, 73 a file cannot be written.`;

/** The verb, for the command line program. */
export function simulateCommand(io: CliIo): Command {
  const command = new Command("simulate")
    .description("show what the cluster would do: the state of a CIB, the plan for it, and the state after it")
    .addHelpText("after", HELP)
    .action(async (options: SimulateCommandOptions) => {
      process.exitCode = await dispatch(io, options);
    });
  addSourceOptions(command);
  addShowOptions(command);
  addEventOptions(command);
  addFileOptions(command);
  return command;
}

function addSourceOptions(command: Command): void {
  command
    .optionsGroup("Where the CIB is from:")
    .option("-x, --xml-file <file>", "read this file (- for standard input)")
    .option("-p, --xml-pipe", "read standard input")
    .addOption(new Option("-L, --live-check", "read the running cluster").hideHelp())
    .addOption(new Option("-j, --pending", "show what is going on (always done)").hideHelp())
    .optionsGroup("What to do (without any of these: show the state):")
    .option("-R, --run", "make the plan")
    .option("-S, --simulate", "make the plan and run it, pretending that everything goes well")
    .option("-X, --in-place", "like --simulate, and write the resulting CIB back to the file")
    .option("-P, --profile <path>", "time the planning of a CIB, or of all .xml files of a folder")
    .option("-N, --repeat <n>", "plan each file of --profile that often", parseRepeat, 1)
    .option("--batch <folder>", "simulate all cases of a folder with an index.json")
    .option("--out-dir <folder>", "where --batch writes")
    .option("--family <name>", "only that family of --batch");
}

function addShowOptions(command: Command): void {
  command
    .optionsGroup("What to show:")
    .option("-A, --show-attrs", "show node attributes")
    .option("-c, --show-failcounts", "show counted failures and failed operations")
    .option("-s, --show-scores", "show the score of each resource on each node")
    .option("-U, --show-utilization", "show what nodes have and resources use up")
    .option("-Q, --quiet", "show scores and utilization, when asked for, and nothing else")
    .option("--json", "print the plan and all that was asked for as JSON");
}

function addEventOptions(command: Command): void {
  const names = (flags: string, text: string) => command.option(flags, text, collect);
  const operations = (flags: string, text: string) => command.option(flags, text, collectOperation);
  command.optionsGroup("What to pretend:").option("-t, --set-datetime <date>", "that it is that moment (ISO 8601)");
  names("-u, --node-up <node>", "that the node is online; a node that is not configured is added");
  names("-d, --node-down <node>", "that the node left");
  names("-f, --node-fail <node>", "that the node failed");
  operations("-i, --op-inject <operation>", "that the operation had that result before the plan is made");
  operations("-F, --op-fail <operation>", "that the operation has that result when the plan is run");
  command
    .option("-q, --quorum <bool>", "that there is quorum or not, together with another of these", parseYes("--quorum"))
    .option("-w, --watchdog <bool>", "that there is an active watchdog or not", parseYes("--watchdog"));
  names("-g, --ticket-grant <ticket>", "that the ticket was granted");
  names("-r, --ticket-revoke <ticket>", "that the ticket was revoked");
  names("-b, --ticket-standby <ticket>", "that the ticket was made standby");
  names("-e, --ticket-activate <ticket>", "that the ticket was made active again");
}

function addFileOptions(command: Command): void {
  command
    .optionsGroup("What to write:")
    .option("-I, --save-input <file>", "write the CIB with what is pretended, before the plan is run")
    .option("-O, --save-output <file>", "write the CIB after the plan was run")
    .option("-G, --save-graph <file>", "write the transition graph")
    .option("-D, --save-dotfile <file>", "write the graph as a drawing for Graphviz")
    .option("-a, --all-actions", "draw also what need not be done");
  command.optionsGroup("Help:");
}

const collect = (value: string, list: readonly string[] = []): readonly string[] => [...list, value];

function collectOperation(text: string, list: readonly OperationSpec[] = []): readonly OperationSpec[] {
  const spec = parseOperationSpec(text);
  if (spec !== undefined) return [...list, spec];
  throw usage(
    `"${text}" is no operation with a result, so nothing was simulated. Write RESOURCE_OPERATION_INTERVALMS@NODE=RC, for example web_monitor_10000@n1=7.`,
  );
}

function parseYes(option: string): (text: string) => string {
  return (text) => {
    if (parseBoolean(text) !== undefined) return text;
    throw usage(`${option} wants true or false, and "${text}" is neither. Say which of the two is to be pretended.`);
  };
}

/** More passes would take days even over the smallest CIB. */
const MAX_REPEAT = 1_000_000;

function parseRepeat(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count <= MAX_REPEAT) return count;
  throw usage(`--repeat says how often each file is planned, and "${text}" is no whole number up to ${MAX_REPEAT}.`);
}

function usage(text: string): CliFailure {
  return new CliFailure("usage", EXIT.usage, text);
}

/** It copies less of other functions into one that it compiles (its own bound is 920), so compiling is cheaper. */
const FEW_PLANS = ["--max-inlined-bytecode-size-cumulative=150"];

/**
 * How the engine is to work where the same CIB is planned again: left to itself it prepares for a long life, and a plan of 1,000
 * resources costs a quarter more.
 *
 * - It notes types from a function's first call on and compiles after fewer instructions (its own budget is 132 KiB), so a second
 *   plan runs compiled code. With the budget alone, it compiles for types that do not hold.
 * - It collects young garbage on one thread: a plan stays alive while it is made, and two threads copy it at twice the price.
 */
const ONE_CIB = ["--no-lazy-feedback-allocation", "--interrupt-budget=10000", "--no-parallel-scavenge"];

async function dispatch(io: CliIo, options: SimulateCommandOptions): Promise<number> {
  const { batch, profile } = options;
  for (const setting of FEW_PLANS) setFlagsFromString(setting);
  if (batch === undefined) for (const setting of ONE_CIB) setFlagsFromString(setting);
  if (batch !== undefined) {
    if (options.outDir === undefined) throw usage("--batch needs --out-dir FOLDER to write to.");
    return runBatchCommand(io, batch, options.outDir, options.family);
  }
  if (profile !== undefined) return await runProfile(io, profile, options);
  if (options.liveCheck) {
    throw usage(
      'The running cluster is not read from here. Pipe its CIB in: "systole cib query | systole simulate --xml-pipe".',
    );
  }
  const source = options.xmlPipe ? "-" : options.xmlFile;
  if (source === undefined)
    throw usage("No CIB was named. Name one with --xml-file FILE, or pipe it in with --xml-pipe.");
  if (source === "-" && options.inPlace) {
    throw usage(
      "--in-place writes back to the file that was read, and standard input is none. Name it with --xml-file.",
    );
  }
  return await runSimulation(io, source, options);
}
