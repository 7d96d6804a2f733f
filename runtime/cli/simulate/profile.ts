// How long scheduling takes: CIBs are scheduled again and again, and the processor time of the process is told for each.
//
// A pass is the whole work, from the document to the graph as data. Nothing is kept from one pass to the next, and no text
// is made of what comes out; only reading the XML happens once for each file, before its time begins.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { EXIT, type ExitCode, errorText } from "../../host/errors.ts";
import { md5Hex } from "../../host/md5.ts";
import type { Element } from "../../kernel/cib/element.ts";
import { compareText } from "../../model/text.ts";
import { executionDate } from "../../services/scheduler/cluster.ts";
import { type Schedule, schedule } from "../../services/scheduler/schedule.ts";
import { readCibFile } from "../cib-file.ts";
import { CliFailure } from "../failure.ts";
import type { CliIo } from "../io.ts";
import { assignmentText } from "./assignment-text.ts";
import { momentOf } from "./work.ts";

/** What a profile needs. */
interface ProfileOptions {
  /** Passes over each file. */
  readonly repeat: number;
  /** The moment to pretend, epoch seconds; without it, what the CIB says, or the clock. */
  readonly nowEpochSeconds: number | undefined;
  readonly clockEpochSeconds: number;
  readonly md5Hex: (text: string) => string;
  readonly withScores: boolean;
  readonly withUtilization: boolean;
  /** Called after each pass. */
  readonly afterPass: (plan: Schedule) => void;
}

/** The files that are meant: one file, or those of a folder that end in .xml and are not hidden, by the bytes of their names. */
function profiledFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const isWanted = (name: string) =>
    !name.startsWith(".") && name.endsWith(".xml") && statSync(join(path, name), { throwIfNoEntry: false })?.isFile();
  // The folder stays spelled as it was given, so that output can be compared.
  return readdirSync(path)
    .filter(isWanted)
    .sort(compareText)
    .map((name) => `${path}/${name}`);
}

/** Schedules a CIB as often as wished; the processor seconds of this process that it took. */
function profileCib(cib: Element, options: ProfileOptions): number {
  const before = process.cpuUsage();
  for (let pass = 0; pass < options.repeat; pass += 1) {
    const nowEpochSeconds = options.nowEpochSeconds ?? executionDate(cib) ?? options.clockEpochSeconds;
    const { md5Hex, withScores, withUtilization } = options;
    options.afterPass(schedule(cib, { nowEpochSeconds, md5Hex, withScores, withUtilization }));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000_000;
}

/** What the command was asked. */
interface CommandOptions {
  readonly repeat: number;
  readonly setDatetime?: string;
  readonly showScores?: true;
  readonly showUtilization?: true;
  readonly quiet?: true;
  readonly json?: true;
}

/** `simulate --profile`: times what is at a path, and tells; the exit code. What is no CIB is left out, with the reason. */
export async function runProfile(io: CliIo, path: string, options: CommandOptions): Promise<ExitCode> {
  const files = filesOf(path);
  const { repeat, setDatetime: date, showScores = false, showUtilization = false, quiet = false } = options;
  const nowEpochSeconds = date === undefined ? undefined : momentOf(date);
  const bare = quiet && showScores;
  const say = (line: string): void => {
    if (!options.json) io.out(`${line}\n`);
  };
  const item = (line: string): void => say(bare ? line : `  * ${line}`);
  const timings: { file: string; passes: number; cpuSeconds: number }[] = [];
  if (files.length === 0)
    io.err(`${path} has no file that ends in .xml, so nothing was timed. Name a folder with CIBs.\n`);
  else if (!bare) say("Timings:");
  let exitCode: ExitCode = EXIT.ok;
  for (const file of files) {
    const cib = await readCibFile(io, file).catch((error: unknown) => {
      if (files.length === 1 || !(error instanceof CliFailure)) throw error;
      io.err(`${error.message}\n`);
      exitCode = EXIT.data;
      return undefined;
    });
    if (cib === undefined) continue;
    const cpuSeconds = profileCib(cib, {
      ...{ repeat, nowEpochSeconds, md5Hex },
      clockEpochSeconds: Math.floor(Date.now() / 1000),
      withScores: showScores,
      withUtilization: showUtilization,
      afterPass: (plan) => {
        if (date !== undefined && !quiet) say(`Setting effective cluster time: ${date}`);
        for (const line of plan.assignment) item(assignmentText(line));
      },
    });
    timings.push({ file, passes: repeat, cpuSeconds });
    item(`Testing ${file} ... ${cpuSeconds.toFixed(2)} secs`);
  }
  if (options.json) io.out(`${JSON.stringify({ timings }, undefined, 2)}\n`);
  return exitCode;
}

function filesOf(path: string): string[] {
  try {
    return profiledFiles(path);
  } catch (error) {
    const text = `${path} cannot be read (${errorText(error)}). Name a CIB, or a folder with CIBs in files that end in .xml.`;
    throw new CliFailure("file-unreadable", EXIT.failed, text);
  }
}
