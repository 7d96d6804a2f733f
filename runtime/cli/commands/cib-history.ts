// The history of the configuration: who changed what, when and why; and taking a change back.

import type { ApiClient } from "../../api/client.ts";
import type { ApiResult } from "../../api/schema.ts";
import { EXIT } from "../../host/errors.ts";
import { diffElements } from "../../kernel/cib/diff.ts";
import { childNamed, type Element } from "../../kernel/cib/element.ts";
import { HISTORY_CHANGES } from "../../kernel/cib/history.ts";
import { formatVersion } from "../../kernel/cib/version.ts";
import { undoEdits } from "../../model/edits/undo.ts";
import { formatInstant } from "../../model/iso8601.ts";
import { CliFailure, refused } from "../failure.ts";
import { type CliIo, renderOptions } from "../io.ts";
import { describeChanges } from "../render/changes.ts";
import { authorOf, type ChangeOptions, change, queryCib, type SessionOptions, tell, withClient } from "../session.ts";
import { planAfter } from "./cib-plan.ts";

const QUERY_TIMEOUT_MS = 10_000;

type Told = ApiResult<"cib-history">["changes"][number];

/** Whether a word of the command line names a change of the history, not a file. */
export function isNumber(word: string): boolean {
  return /^\d{1,15}$/.test(word);
}

function numberOf(word: string): number {
  if (isNumber(word)) return Number(word);
  throw new CliFailure("usage", EXIT.usage, `"${word}" is no number of a change. "systole cib history" shows them.`);
}

function limitOf(word: string): number {
  if (isNumber(word) && Number(word) > 0) return Math.min(Number(word), HISTORY_CHANGES);
  throw new CliFailure("usage", EXIT.usage, `"${word}" says not how many changes to show. Give a number from 1 on.`);
}

/** Prints the last changes, the newest last. */
export async function showHistory(io: CliIo, options: SessionOptions & { readonly limit: string }): Promise<void> {
  const limit = limitOf(options.limit);
  const changes = await withClient(io, options, (client) => historyOf(client, limit));
  if (options.json) io.out(`${JSON.stringify({ ok: true, changes })}\n`);
  else if (changes.length === 0) io.out("The configuration was never changed.\n");
  else io.out(`${changes.flatMap(lineOf).join("\n")}\n`);
}

async function historyOf(client: ApiClient, limit: number): Promise<readonly Told[]> {
  return (await client.call("cib-history", { limit }, { timeoutMs: QUERY_TIMEOUT_MS })).changes;
}

function lineOf({ number, version, who, why, epochMs, changes }: Told): string[] {
  const what = changes === 1 ? "1 change" : `${changes} changes`;
  const when = formatInstant(Math.floor(epochMs / 1000));
  return [
    `${number}  ${when}  ${who}  (${formatVersion(version)}, ${what})`,
    `    ${why === "" ? "no reason given" : why}`,
  ];
}

/** The CIB as it was after a change. */
export function numberedDocument(io: CliIo, options: SessionOptions, number: number): Promise<Element> {
  return withClient(io, options, (client) => documentOf(client, number));
}

async function documentOf(client: ApiClient, number: number): Promise<Element> {
  return (await client.call("cib-document", { number }, { timeoutMs: QUERY_TIMEOUT_MS })).element;
}

/** A change and the documents around it. */
async function found(client: ApiClient, number: number): Promise<{ told: Told; before: Element; after: Element }> {
  const changes = await historyOf(client, HISTORY_CHANGES);
  const told = changes.find((each) => each.number === number);
  if (told === undefined) {
    const [first, last] = [changes[0], changes[changes.length - 1]];
    const known = first === undefined ? "There is none yet" : `It has ${first.number} to ${last?.number}`;
    throw refused("not-found", `There is no change ${number} in the history. ${known}: see "systole cib history".`);
  }
  return { told, before: await documentOf(client, number - 1), after: await documentOf(client, number) };
}

/** Prints what a change did. */
export async function showChange(io: CliIo, options: SessionOptions, word: string): Promise<void> {
  const number = numberOf(word);
  const { told, before, after } = await withClient(io, options, (client) => found(client, number));
  const [was, is] = [before, after].map((document) => childNamed(document, "configuration"));
  const changes = was === undefined || is === undefined ? [] : diffElements(was, is);
  const words = describeChanges(changes, was, renderOptions(io));
  if (options.json) io.out(`${JSON.stringify({ ok: true, ...told, did: words.plain })}\n`);
  else io.out(`${[...lineOf(told), ...words.lines].join("\n")}\n`);
}

/** What the command was asked. */
export interface UndoFlags extends ChangeOptions {
  readonly dryRun?: true;
  readonly plan?: true;
}

/** Takes a change back. */
export async function undoChange(io: CliIo, options: UndoFlags, word: string): Promise<void> {
  const number = numberOf(word);
  await withClient(io, options, async (client) => {
    const { told, before, after } = await found(client, number);
    const summary = `undo of change ${number}: ${told.why}`;
    if (options.dryRun || options.plan) {
      const { version, cib } = await queryCib(client);
      const made = undoEdits(number, { before, after, now: cib });
      if ("refused" in made) throw refused(made.code ?? "not-found", made.refused);
      const shown = preview(
        io,
        cib,
        made.edits.find((edit) => edit.edit === "replace-configuration")?.element,
        options,
      );
      const flag = options.plan ? "--plan" : "--dry-run";
      return tell(
        io,
        options,
        { ...shown.data, changed: false, version },
        `Nothing was changed (${flag}).`,
        shown.lines,
      );
    }
    const done = await change(client, authorOf(io, options), (cib) => {
      const made = undoEdits(number, { before, after, now: cib });
      return "refused" in made || made.edits.length === 0 ? made : { ...made, summary };
    });
    const text = done.changed
      ? `Change ${number} is taken back; the configuration is now ${formatVersion(done.version)}.`
      : done.summary;
    tell(io, options, { changed: done.changed, version: done.version }, text);
  });
}

function preview(
  io: CliIo,
  cib: Element,
  configuration: Element | undefined,
  options: UndoFlags,
): { readonly data: object; readonly lines: readonly string[] } {
  const running = childNamed(cib, "configuration");
  if (configuration === undefined || running === undefined) return { data: { changes: [] }, lines: [] };
  const words = describeChanges(diffElements(running, configuration), running, renderOptions(io));
  if (!options.plan) return { data: { changes: words.plain }, lines: words.lines };
  const planned = planAfter(cib, configuration);
  return { data: { changes: words.plain, ...planned.data }, lines: [...words.lines, ...planned.lines] };
}
