// `systole simulate`: what would the cluster do?

import { readFileSync, writeFileSync } from "node:fs";
import { Command } from "commander";
import { formatXml, parseXml, XmlError } from "../../compat/xml.ts";
import { EXIT, errorText } from "../../host/errors.ts";
import { type Element, element } from "../../kernel/cib/element.ts";
import { parseInstant } from "../../model/iso8601.ts";
import { CliFailure } from "../failure.ts";
import type { CliIo } from "../io.ts";
import { md5Hex, runBatch } from "./batch.ts";
import { profileCib, profiledFiles } from "./profile.ts";
import { scoreText, simulate } from "./report.ts";

interface Options {
  readonly xmlFile?: string;
  readonly xmlPipe?: boolean;
  readonly simulate?: boolean;
  readonly run?: boolean;
  readonly inPlace?: boolean;
  readonly showScores?: boolean;
  readonly saveGraph?: string;
  readonly saveDotfile?: string;
  readonly saveOutput?: string;
  readonly setDatetime?: string;
  readonly opFail?: readonly string[];
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly profile?: string;
  readonly repeat?: number;
  readonly batch?: string;
  readonly outDir?: string;
  readonly family?: string;
}

const collect = (value: string, list: readonly string[] = []): readonly string[] => [...list, value];

/** The verb, for the command line program. */
export function simulateCommand(io: CliIo): Command {
  return new Command("simulate")
    .description("show what the cluster would do: the plan for a CIB, and (with --simulate) the state after it")
    .option("-x, --xml-file <file>", "CIB to read (- for standard input)")
    .option("-p, --xml-pipe", "read the CIB from standard input")
    .option("-S, --simulate", "run the plan, pretending that everything goes well")
    .option("-R, --run", "plan only")
    .option("-X, --in-place", "like --simulate, and write the resulting CIB back to the file")
    .option("-s, --show-scores", "show the score of each resource on each node")
    .option("-G, --save-graph <file>", "write the transition graph")
    .option("-D, --save-dotfile <file>", "write the graph as a drawing for Graphviz")
    .option("-O, --save-output <file>", "write the CIB after the plan was run")
    .option("-t, --set-datetime <date>", "pretend that it is that moment (ISO 8601)")
    .option("-F, --op-fail <spec>", "pretend RESOURCE_OPERATION_INTERVAL@NODE=RC (may be repeated)", collect)
    .option("-Q, --quiet", "print only what was asked for by other options")
    .option("--json", "print the plan as JSON")
    .option("-P, --profile <path>", "time the scheduling of a CIB, or of all .xml files of a folder")
    .option("-N, --repeat <n>", "schedule each file of --profile that often", parseRepeat, 1)
    .option("--batch <folder>", "simulate all cases of a folder with an index.json")
    .option("--out-dir <folder>", "where --batch writes")
    .option("--family <name>", "only that family of --batch")
    .addHelpText(
      "after",
      "\nExample:\n  systole simulate --xml-file cib.xml --simulate\n\nExit codes: 0 done, 1 a file cannot be read or a case cannot be planned, 64 the command line is wrong,\n65 the data is no CIB, 73 a file cannot be written.",
    )
    .action((options: Options) => {
      process.exitCode = run(io, options);
    });
}

/** More passes would take days even over the smallest CIB. */
const MAX_REPEAT = 1_000_000;

function parseRepeat(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count <= MAX_REPEAT) return count;
  throw usage(`--repeat says how often each file is scheduled, and "${text}" is no whole number up to ${MAX_REPEAT}.`);
}

function usage(text: string): CliFailure {
  return new CliFailure("usage", EXIT.usage, text);
}

function run(io: CliIo, options: Options): number {
  if (options.batch !== undefined) return runBatchOption(io, options, options.batch);
  if (options.profile !== undefined) return runProfile(io, options, options.profile);
  const source = options.xmlPipe ? "-" : options.xmlFile;
  if (source === undefined)
    throw usage("No CIB was named. Name one with --xml-file FILE, or pipe it in with --xml-pipe.");
  return runOne(io, options, source);
}

function readText(source: string): string {
  try {
    return readFileSync(source === "-" ? 0 : source, "utf8");
  } catch (error) {
    const text = `${source} cannot be read (${errorText(error)}). Check the name and the permissions of the file.`;
    throw new CliFailure("file-unreadable", EXIT.failed, text);
  }
}

function readCib(text: string, source: string): Element {
  const called = source === "-" ? "The standard input" : source;
  try {
    const cib = parseXml(text);
    if (cib.name === "cib") return cib;
    if (cib.name === "configuration") return element("cib", {}, [cib]);
    const next = 'Give a <cib> or a <configuration>, as "systole cib query" prints it.';
    const said = `${called} is a <${cib.name.slice(0, 80)}> and no CIB, so there is nothing to plan. ${next}`;
    throw new CliFailure("not-a-cib", EXIT.data, said);
  } catch (error) {
    if (error instanceof XmlError) throw new CliFailure(error.code, EXIT.data, `${called}, ${error.message}`);
    throw error;
  }
}

function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    const said = `${file} cannot be written (${errorText(error)}). Choose a place that this user may write to.`;
    throw new CliFailure("file-unwritable", EXIT.cannotCreate, said);
  }
}

function runBatchOption(io: CliIo, options: Options, folder: string): number {
  if (options.outDir === undefined) throw usage("--batch needs --out-dir FOLDER to write to.");
  const result = runBatch(folder, options.outDir, options.family);
  for (const { name, problem } of result.failures) io.err(`${name}: ${problem}\n`);
  io.out(`${result.cases} cases, ${result.failures.length} could not be planned\n`);
  return result.failures.length === 0 ? EXIT.ok : EXIT.failed;
}

function runProfile(io: CliIo, options: Options, path: string): number {
  const files = filesOf(path);
  const bare = options.quiet === true && options.showScores === true;
  const timings: { file: string; passes: number; cpuSeconds: number }[] = [];
  const say = (line: string): void => {
    if (!options.json) io.out(`${line}\n`);
  };
  const item = (line: string): void => say(bare ? line : `  * ${line}`);
  if (files.length > 0 && !bare) say("Timings:");
  for (const file of files) {
    const cib = readCib(readText(file), file);
    const cpuSeconds = profileCib(cib, {
      repeat: options.repeat ?? 1,
      nowEpochSeconds: options.setDatetime === undefined ? undefined : momentOf(options.setDatetime),
      clockEpochSeconds: Math.floor(Date.now() / 1000),
      md5Hex,
      withScores: options.showScores === true,
      afterPass: (plan) => {
        if (options.setDatetime !== undefined && !options.quiet)
          say(`Setting effective cluster time: ${options.setDatetime}`);
        for (const line of plan.scores) item(scoreText(line));
      },
    });
    timings.push({ file, passes: options.repeat ?? 1, cpuSeconds });
    item(`Testing ${file} ... ${cpuSeconds.toFixed(2)} secs`);
  }
  if (options.json) io.out(`${JSON.stringify({ timings }, undefined, 2)}\n`);
  return EXIT.ok;
}

function filesOf(path: string): string[] {
  try {
    return profiledFiles(path);
  } catch (error) {
    const text = `${path} cannot be read (${errorText(error)}). Name a CIB, or a folder with CIBs in files that end in .xml.`;
    throw new CliFailure("file-unreadable", EXIT.failed, text);
  }
}

function momentOf(date: string): number {
  const moment = parseInstant(date);
  if (moment === undefined) throw usage(`"${date}" is no date. Write it like 2026-11-22 08:00:00Z.`);
  return moment;
}

function parseFailures(specs: readonly string[]): Map<string, number> | undefined {
  const failures = new Map<string, number>();
  for (const spec of specs) {
    const match = /^(.+@.+)=(\d+)$/.exec(spec);
    if (match?.[1] === undefined) return undefined;
    failures.set(match[1], Number(match[2]));
  }
  return failures;
}

function runOne(io: CliIo, options: Options, source: string): number {
  const text = readText(source);
  const cib = readCib(text, source);
  const clockEpochSeconds = Math.floor(Date.now() / 1000);
  const date = options.setDatetime === undefined ? {} : { date: options.setDatetime };
  if (options.setDatetime !== undefined) momentOf(options.setDatetime);
  const failures = parseFailures(options.opFail ?? []);
  if (failures === undefined)
    throw usage("--op-fail needs RESOURCE_OPERATION_INTERVAL@NODE=RC, for example web_start_0@n1=1.");
  const result = simulate(cib, {
    clockEpochSeconds,
    md5Hex,
    text,
    run: options.simulate === true || options.inPlace === true,
    withScores: options.showScores === true,
    failures,
    ...date,
  });
  if (options.json) io.out(`${JSON.stringify(result.schedule, undefined, 2)}\n`);
  else if (!options.quiet) io.out(result.summary);
  if (options.showScores && !options.json) io.out(result.scores());
  if (options.saveGraph !== undefined) writeText(options.saveGraph, result.graphXml());
  if (options.saveDotfile !== undefined) writeText(options.saveDotfile, result.dot());
  if (options.saveOutput !== undefined) writeText(options.saveOutput, formatXml(result.after, { indent: "  " }));
  if (options.inPlace && source !== "-") writeText(source, formatXml(result.after, { indent: "  " }));
  return EXIT.ok;
}
