// What `systole simulate` does with one CIB: reads it, simulates, prints, and writes the files that were asked for.

import { accessSync, constants, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { formatXml } from "../../compat/xml.ts";
import { EXIT, type ExitCode, errorText } from "../../host/errors.ts";
import { md5Hex } from "../../host/md5.ts";
import type { Element } from "../../kernel/cib/element.ts";
import { parseInstant } from "../../model/iso8601.ts";
import { didYouMean } from "../../model/nearest.ts";
import { readCibDocument } from "../cib-file.ts";
import { CliFailure } from "../failure.ts";
import type { CliIo } from "../io.ts";
import { isScore } from "./assignment-text.ts";
import type { SimulateCommandOptions } from "./command.ts";
import { hasInjections, type Injections, unknownNodes } from "./inject.ts";
import { inspectCib, problemLines } from "./inspect.ts";
import { type Simulation, simulate, textOf } from "./report.ts";

/** Does it; the exit code. */
export async function runSimulation(io: CliIo, source: string, options: SimulateCommandOptions): Promise<ExitCode> {
  const { cib, text } = await readCibDocument(io, source);
  const found = inspectCib(cib, source === "-" ? "The standard input" : source);
  if (options.setDatetime !== undefined) momentOf(options.setDatetime);
  const injections = injectionsOf(options);
  refuseUnknownNodes(cib, injections);
  const run = options.simulate === true || options.inPlace === true || options.opFail !== undefined;
  const { showScores = false, showUtilization = false, saveGraph, saveDotfile, json = false } = options;
  const wantsPlan = options.run === true || showScores || showUtilization || json;
  const result = simulate(cib, {
    ...{ text, injections, run, md5Hex, showScores, showUtilization },
    clockEpochSeconds: Math.floor(Date.now() / 1000),
    ...(options.setDatetime === undefined ? {} : { date: options.setDatetime }),
    plan: wantsPlan || saveGraph !== undefined || saveDotfile !== undefined,
    failures: options.opFail ?? [],
    details: { attributes: options.showAttrs === true, failCounts: options.showFailcounts === true },
    quiet: options.quiet === true,
  });
  io.err(textOf(result.lines, "err"));
  const problems = [...found, ...(result.schedule?.problems ?? [])];
  for (const line of problemLines(problems)) io.err(`${line}\n`);
  if (json) io.out(`${JSON.stringify({ ...asData(result, options), problems }, undefined, 2)}\n`);
  else io.out(textOf(result.lines, "out"));
  tellOfNothing(io, options, injections, result);
  saveFiles(source, options, result);
  return result.run?.complete === false ? EXIT.failed : EXIT.ok;
}

/** The moment that a text names, epoch seconds. */
export function momentOf(date: string): number {
  const moment = parseInstant(date);
  if (moment !== undefined) return moment;
  const said = `"${date}" is no date. Write it like 2026-11-22 08:00:00Z.`;
  throw new CliFailure("usage", EXIT.usage, said);
}

function injectionsOf(options: SimulateCommandOptions): Injections {
  return {
    ...(options.quorum === undefined ? {} : { quorum: options.quorum }),
    ...(options.watchdog === undefined ? {} : { watchdog: options.watchdog }),
    nodesUp: options.nodeUp ?? [],
    nodesDown: options.nodeDown ?? [],
    nodesFailed: options.nodeFail ?? [],
    ticketsGranted: options.ticketGrant ?? [],
    ticketsRevoked: options.ticketRevoke ?? [],
    ticketsStandby: options.ticketStandby ?? [],
    ticketsActivated: options.ticketActivate ?? [],
    operations: options.opInject ?? [],
  };
}

function refuseUnknownNodes(cib: Element, injections: Injections): void {
  const [name] = unknownNodes(cib, injections);
  if (name === undefined) return;
  const known = nodeNames(cib);
  const remedy = "Name a node of the CIB, or add this one with --node-up.";
  const said = `There is no node "${name}" in this CIB, so nothing can happen to it.${didYouMean(name, known)} ${remedy}`;
  throw new CliFailure("unknown-node", EXIT.data, said);
}

function nodeNames(element: Element): string[] {
  const own = element.name === "node" ? element.attributes["uname"] : undefined;
  return [...(own === undefined ? [] : [own]), ...element.children.flatMap(nodeNames)];
}

/** Says of what was asked for in vain. */
function tellOfNothing(io: CliIo, options: SimulateCommandOptions, injections: Injections, result: Simulation): void {
  if (options.quorum !== undefined && !hasInjections(injections)) {
    io.err(
      "--quorum alone pretends nothing, as in crm_simulate, so the CIB's own word counted. Give it together with another event, for instance --node-up of a node that is online.\n",
    );
  }
  for (const { text } of result.run?.unmet ?? []) {
    io.err(
      `The plan has no operation that --op-fail ${text} means, so nothing failed for it. See what it runs above.\n`,
    );
  }
}

function asData(result: Simulation, options: SimulateCommandOptions): object {
  const { assignment = [], ...plan } = result.schedule ?? {};
  return {
    ...plan,
    ...(options.showScores ? { scores: assignment.filter(isScore) } : {}),
    ...(options.showUtilization ? { utilization: assignment.filter((line) => !isScore(line)) } : {}),
    ...(result.modifications.length === 0 ? {} : { modifications: result.modifications }),
    ...result.details,
    ...(result.run === undefined
      ? {}
      : { run: { lines: result.run.lines, complete: result.run.complete, ...result.detailsAfter } }),
  };
}

function saveFiles(source: string, options: SimulateCommandOptions, result: Simulation): void {
  const { saveInput, saveOutput, saveGraph, saveDotfile } = options;
  const xml = (cib: Element) => formatXml(cib, { indent: "  " });
  if (saveInput !== undefined) writeText(saveInput, xml(result.input));
  if (saveGraph !== undefined) writeText(saveGraph, result.graphXml());
  if (saveDotfile !== undefined) writeText(saveDotfile, result.dot(options.allActions === true));
  if (saveOutput !== undefined) writeText(saveOutput, xml(result.after));
  if (options.inPlace) writeText(source, xml(result.after));
}

/** A file that is there is whole at each moment; what is no file (a terminal, a pipe) is written to. */
function replaceFile(file: string, text: string): void {
  const known = statSync(file, { throwIfNoEntry: false });
  if (known === undefined || !known.isFile()) {
    writeFileSync(file, text);
    return;
  }
  const path = realpathSync(file);
  accessSync(path, constants.W_OK);
  const fresh = `${path}.${process.pid}.new`;
  try {
    writeFileSync(fresh, text, { mode: known.mode });
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}

function writeText(file: string, text: string): void {
  try {
    replaceFile(file, text);
  } catch (error) {
    const said = `${file} cannot be written (${errorText(error)}). Choose a place that this user may write to.`;
    throw new CliFailure("file-unwritable", EXIT.cannotCreate, said);
  }
}
