// How long scheduling takes: CIBs are scheduled again and again, and the processor time of the process is told for each.
//
// A pass is the whole work, from the document to the graph as data. Nothing is kept from one pass to the next, and no text
// is made of what comes out; only reading the XML happens once for each file, before its time begins.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Element } from "../../kernel/cib/element.ts";
import { compareText } from "../../model/text.ts";
import { executionDate } from "../../services/scheduler/cluster.ts";
import { type Schedule, schedule } from "../../services/scheduler/schedule.ts";

/** What a profile needs. */
export interface ProfileOptions {
  /** Passes over each file. */
  readonly repeat: number;
  /** The moment to pretend, epoch seconds; without it, what the CIB says, or the clock. */
  readonly nowEpochSeconds: number | undefined;
  readonly clockEpochSeconds: number;
  readonly md5Hex: (text: string) => string;
  readonly withScores: boolean;
  /** Called after each pass. */
  readonly afterPass: (plan: Schedule) => void;
}

/** The files that are meant: one file, or those of a folder that end in .xml and are not hidden, by the bytes of their names. */
export function profiledFiles(path: string): string[] {
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
export function profileCib(cib: Element, options: ProfileOptions): number {
  const before = process.cpuUsage();
  for (let pass = 0; pass < options.repeat; pass += 1) {
    const nowEpochSeconds = options.nowEpochSeconds ?? executionDate(cib) ?? options.clockEpochSeconds;
    options.afterPass(schedule(cib, { nowEpochSeconds, md5Hex: options.md5Hex, withScores: options.withScores }));
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000_000;
}
