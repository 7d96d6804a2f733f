// Simulating a folder of cases in one process: for comparing plans with plans that are known.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseXml } from "../../compat/xml.ts";
import { EXIT, type ExitCode, errorText } from "../../host/errors.ts";
import { md5Hex } from "../../host/md5.ts";
import { didYouMean } from "../../model/nearest.ts";
import type { AssignmentLine } from "../../services/scheduler/schedule.ts";
import { CliFailure, refused } from "../failure.ts";
import type { CliIo } from "../io.ts";
import { assignmentText } from "./assignment-text.ts";
import { simulate, textOf } from "./report.ts";

/** One case of an index: what it is about, and arguments (`-t DATE` sets the date). */
interface Case {
  readonly description?: string;
  readonly args?: readonly string[];
}

/** How a batch went. */
interface BatchResult {
  readonly cases: number;
  /** FAMILY/NAME and what went wrong. */
  readonly failures: readonly { readonly name: string; readonly problem: string }[];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads index.json: families of named cases.
 * @throws CliFailure when there is none, it is no such thing, or a name in it leads out of its folder.
 */
export function readIndex(folder: string): Map<string, Map<string, Case>> {
  const file = join(folder, "index.json");
  const families = new Map<string, Map<string, Case>>();
  const data = parseIndex(file, readIndexText(file));
  for (const [family, entries] of Object.entries(data)) {
    refuseOutside(file, family);
    const cases = new Map<string, Case>();
    if (isRecord(entries)) {
      for (const [name, entry] of Object.entries(entries)) {
        refuseOutside(file, name);
        const args = isRecord(entry) && Array.isArray(entry["args"]) ? entry["args"].map(String) : [];
        cases.set(name, { args });
      }
    }
    families.set(family, cases);
  }
  return families;
}

function readIndexText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const said = `${file} cannot be read (${errorText(error)}). --batch wants a folder with an index.json that names its cases.`;
    throw new CliFailure("file-unreadable", EXIT.failed, said);
  }
}

function parseIndex(file: string, text: string): Record<string, unknown> {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw badIndex(`${file} is not JSON (${errorText(error)}), so nothing was simulated.`);
  }
  if (isRecord(data)) return data;
  throw badIndex(`${file} is no object of families, so nothing was simulated.`);
}

function badIndex(said: string): CliFailure {
  return new CliFailure("bad-index", EXIT.data, `${said} Write it like {"FAMILY": {"CASE": {"args": []}}}.`);
}

/** Names become names of files, which must lie where they were asked for. */
function refuseOutside(file: string, name: string): void {
  if (name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name)) return;
  throw badIndex(`${file} has the name ${JSON.stringify(name.slice(0, 80))}, which is no name of a file.`);
}

/** The moment that a case asks for. */
export function dateOf(args: readonly string[]): string | undefined {
  const place = args.findIndex((argument) => argument === "-t" || argument === "--set-datetime");
  return place < 0 ? undefined : args[place + 1];
}

/** `simulate --batch`: the exit code. */
export function runBatchCommand(io: CliIo, folder: string, outFolder: string, family: string | undefined): ExitCode {
  const result = runBatch(folder, outFolder, family);
  for (const { name, problem } of result.failures) io.err(`${name}: ${problem}\n`);
  io.out(`${result.cases} cases, ${result.failures.length} could not be planned\n`);
  return result.failures.length === 0 ? EXIT.ok : EXIT.failed;
}

/** Simulates all cases of a folder (or one family) and writes NAME.{summary,exp,dot,scores} for each. */
function runBatch(folder: string, outFolder: string, onlyFamily: string | undefined): BatchResult {
  const failures: { name: string; problem: string }[] = [];
  let count = 0;
  const families = readIndex(folder);
  if (onlyFamily !== undefined && !families.has(onlyFamily)) {
    const said = `There is no family "${onlyFamily}" in ${join(folder, "index.json")}.${didYouMean(onlyFamily, [...families.keys()])} Name one that is there.`;
    throw refused("unknown-family", said);
  }
  for (const [family, cases] of families) {
    if (onlyFamily !== undefined && family !== onlyFamily) continue;
    makeFolder(join(outFolder, family));
    for (const [name, entry] of cases) {
      count += 1;
      try {
        runCase(join(folder, family, name), join(outFolder, family, name), dateOf(entry.args ?? []));
      } catch (error) {
        failures.push({
          name: `${family}/${name}`,
          problem: errorText(error),
        });
      }
    }
  }
  return { cases: count, failures };
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    const said = `${folder} cannot be made (${errorText(error)}). Choose a place for --out-dir that this user may write to.`;
    throw new CliFailure("file-unwritable", EXIT.cannotCreate, said);
  }
}

function runCase(input: string, output: string, date: string | undefined): void {
  const text = readFileSync(`${input}.xml`, "utf8");
  const cib = parseXml(text);
  const clockEpochSeconds = Math.floor(Date.now() / 1000);
  const result = simulate(cib, {
    clockEpochSeconds,
    md5Hex,
    text,
    plan: true,
    run: true,
    withScores: true,
    ...(date === undefined ? {} : { date }),
  });
  writeFileSync(`${output}.summary`, textOf(result.lines));
  writeFileSync(`${output}.exp`, result.graphXml());
  writeFileSync(`${output}.dot`, result.dot(false));
  writeFileSync(`${output}.scores`, scoresText(result.schedule?.assignment ?? []));
}

/** The scores as `--quiet --show-scores --simulate` prints them: an empty line ends them. */
export function scoresText(lines: readonly AssignmentLine[]): string {
  return `${lines.map((line) => `${assignmentText(line)}\n`).join("")}\n`;
}
