// What the cib commands do.

import { patchsetToXml } from "../../compat/diff.ts";
import { formatXml } from "../../compat/xml.ts";
import { EXIT } from "../../host/errors.ts";
import { diffElements } from "../../kernel/cib/diff.ts";
import { childNamed, type Element } from "../../kernel/cib/element.ts";
import { durableDocument, formatVersion, versionOf, withVersion } from "../../kernel/cib/version.ts";
import type { CibVersion, Patchset } from "../../kernel/messages.ts";
import { didYouMean } from "../../model/nearest.ts";
import { keepPluginLock } from "../../model/plugin-lock.ts";
import { SECTIONS } from "../../model/validate/grammar.ts";
import { problemText, validateCib } from "../../model/validate.ts";
import { readCibFile, refuseInvalid } from "../cib-file.ts";
import { CliFailure, refused } from "../failure.ts";
import { type CliIo, renderOptions } from "../io.ts";
import { describeChanges } from "../render/changes.ts";
import {
  authorOf,
  type ChangeOptions,
  changeFailure,
  queryCib,
  requestChange,
  type SessionOptions,
  tell,
  whoAsks,
  withClient,
} from "../session.ts";
import { isNumber, numberedDocument } from "./cib-history.ts";
import { planAfter } from "./cib-plan.ts";

const INDENT = { indent: "  " };

/** Prints the running CIB, or a section of it. */
export async function queryText(io: CliIo, options: SessionOptions & { readonly section?: string }): Promise<void> {
  const { version, cib } = await withClient(io, options, queryCib);
  const shown = options.section === undefined ? cib : sectionOf(cib, options.section);
  io.out(options.json ? `${JSON.stringify({ version, element: shown })}\n` : formatXml(shown, INDENT));
}

function sectionOf(cib: Element, name: string): Element {
  const configuration = childNamed(cib, "configuration");
  const found = childNamed(cib, name) ?? childNamed(configuration, name);
  if (found !== undefined) return found;
  const known = ["configuration", "status", ...SECTIONS];
  if (known.includes(name)) return { name, attributes: {}, children: [] };
  const hint = didYouMean(name, known);
  throw refused(
    "not-found",
    `There is no section "${name}".${hint === "" ? ` The sections are ${known.join(", ")}.` : hint}`,
  );
}

/** What the command was asked. */
export interface ApplyFlags extends ChangeOptions {
  readonly dryRun?: true;
  readonly force?: true;
  readonly plan?: true;
}

/** Makes the running configuration the one in the file. */
export async function applyFile(io: CliIo, options: ApplyFlags, file: string): Promise<void> {
  const given = await readCibFile(io, file);
  const warnings = refuseInvalid(given, file).map(problemText);
  const wanted = childNamed(given, "configuration");
  if (wanted === undefined) throw refused("invalid", "There is no <configuration> to apply.");
  await withClient(io, options, async (client) => {
    const { version, cib } = await queryCib(client);
    const running = childNamed(cib, "configuration");
    const { configuration, kept } =
      running === undefined ? { configuration: wanted, kept: [] } : keepPluginLock(wanted, running);
    if (kept.length > 0) warnings.push(keptText(kept));
    const changes = running === undefined ? [] : diffElements(running, configuration);
    const words = describeChanges(changes, running, renderOptions(io));
    const base = options.force ? version : baseOf(given, version);
    const report = { changes: words.plain, warnings };
    if (changes.length === 0) {
      return tell(
        io,
        options,
        { ...report, changed: false, version },
        "Nothing to change: the running configuration is the same.",
      );
    }
    if (base.adminEpoch !== version.adminEpoch || base.epoch !== version.epoch) throw stale(base, version);
    if (options.plan) {
      const planned = planAfter(cib, configuration);
      const lines = [...warnings, ...words.lines, ...planned.lines];
      return tell(
        io,
        options,
        { ...report, ...planned.data, changed: false, version },
        "Nothing was changed (--plan).",
        lines,
      );
    }
    if (options.dryRun) {
      return tell(io, options, { ...report, changed: false, version }, "Nothing was changed (--dry-run).", [
        ...warnings,
        ...words.lines,
      ]);
    }
    const edits = [{ edit: "replace-configuration", element: configuration } as const];
    const record = { author: authorOf(io, options), summary: `cib apply ${file}` };
    const outcome = await requestChange(client, edits, base, record);
    if (outcome.outcome !== "done") throw changeFailure(outcome);
    const done = `Applied; the configuration is now ${formatVersion(outcome.version)}.`;
    tell(io, options, { ...report, changed: true, version: outcome.version }, done, [...warnings, ...words.lines]);
  });
}

function keptText(kept: readonly string[]): string {
  return `Kept: what the cluster has agreed on of its plugins (${kept.join(", ")}), of which the file says nothing. "systole plugin remove" takes one out.`;
}

/** What the file was made from: its own version where it carries one, otherwise what runs now. */
function baseOf(given: Element, running: CibVersion): CibVersion {
  return given.attributes["epoch"] === undefined ? running : versionOf(given);
}

function stale(base: CibVersion, running: CibVersion): CliFailure {
  return new CliFailure(
    "stale",
    EXIT.failed,
    `The file was made from configuration ${formatVersion(base)} and ${formatVersion(running)} runs now, so nothing was changed: it would undo what happened in between. Query it again and repeat your edit; "systole cib diff FILE" shows the difference, --force applies it all the same.`,
  );
}

/** Prints the patchset between two files or changes of the history, or from the running CIB to a file. */
export async function diffFiles(
  io: CliIo,
  options: SessionOptions,
  file: string,
  other: string | undefined,
): Promise<void> {
  if (file === "-" && other === "-") {
    throw new CliFailure(
      "usage",
      EXIT.usage,
      "Standard input can be only one of the two CIBs. Name a file for the other.",
    );
  }
  const read = (which: string): Promise<Element> =>
    isNumber(which) ? numberedDocument(io, options, Number(which)) : readCibFile(io, which);
  const first = await read(file);
  const { before, after } =
    other === undefined
      ? isNumber(file)
        ? { before: first, after: durableDocument((await withClient(io, options, queryCib)).cib) }
        : fromRunning((await withClient(io, options, queryCib)).cib, first)
      : { before: first, after: named(await read(other), first) };
  const patchset: Patchset = {
    source: versionOf(before),
    target: versionOf(after),
    changes: diffElements(before, after),
  };
  if (options.json) io.out(`${JSON.stringify(patchset)}\n`);
  else if (patchset.changes.length > 0) io.out(formatXml(patchsetToXml(patchset, after), INDENT));
}

/** A <configuration> that stood alone in its file says nothing of the root, so the other's root counts. */
function named(cib: Element, other: Element): Element {
  return Object.keys(cib.attributes).length === 0 ? { ...cib, attributes: other.attributes } : cib;
}

/** What applying the file would do to the running CIB: another configuration, one version on. */
function fromRunning(running: Element, given: Element): { before: Element; after: Element } {
  const configuration = childNamed(given, "configuration");
  const children = running.children.map((child) => (child.name === "configuration" ? (configuration ?? child) : child));
  const after: Element = { ...running, children };
  if (diffElements(running, after).length === 0) return { before: running, after: running };
  const version = versionOf(running);
  return { before: running, after: withVersion(after, { ...version, epoch: version.epoch + 1, numUpdates: 0 }) };
}

/** Lets the cluster start from what is left. */
export async function recover(io: CliIo, options: SessionOptions & { readonly acceptLoss?: true }): Promise<void> {
  if (options.acceptLoss !== true) {
    const text =
      "Nothing was done: starting without a majority of intact stores can lose acknowledged changes. Bring the missing nodes back, or add --accept-loss.";
    throw new CliFailure("usage", EXIT.usage, text);
  }
  await withClient(io, options, (client) => client.call("start-override", { who: whoAsks(io) }));
  const text = "The cluster may start from the stores that are here. See what it does with systole status.";
  tell(io, options, { accepted: true }, text);
}

/** Checks a file. */
export async function verifyFile(io: CliIo, options: { readonly json?: true }, file: string): Promise<void> {
  const cib = await readCibFile(io, file);
  const problems = validateCib(cib);
  const valid = !problems.some((problem) => problem.severity === "error");
  if (options.json) {
    io.out(`${JSON.stringify({ ok: valid, problems })}\n`);
    if (!valid) throw new CliFailure("invalid", EXIT.data, "");
    return;
  }
  for (const problem of problems) if (problem.severity === "warning") io.out(`warning: ${problemText(problem)}\n`);
  refuseInvalid(cib, file);
  io.out(problems.length === 0 ? "The CIB is valid.\n" : "The CIB is valid, with warnings.\n");
}
