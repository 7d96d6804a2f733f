// One command's conversation with a node: connect, ask, change, say what came of it.

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { type ApiClient, connectApi } from "../api/client.ts";
import type { ApiParams } from "../api/schema.ts";
import { thisUser } from "../api/who.ts";
import { EXIT } from "../host/errors.ts";
import type { Element } from "../kernel/cib/element.ts";
import type { ChangeOutcome, CibEdit, CibVersion } from "../kernel/messages.ts";
import type { EditResult } from "../model/edits/plan.ts";
import { CliFailure, refused } from "./failure.ts";
import type { CliIo } from "./io.ts";
import { socketPath } from "./options.ts";

/** How long a question about the present state may take. */
const QUERY_TIMEOUT_MS = 10_000;
/** How long the cluster may take to decide about a change: a view may form in between. */
const CHANGE_TIMEOUT_MS = 60_000;
/** How often a change is made anew because the configuration changed under it. */
const STALE_ATTEMPTS = 5;
/** Longest reason that is sent along with a change. */
const WHY_CHARACTERS = 500;
/** How often a change of unknown outcome is asked again, under the same id. */
const UNKNOWN_ATTEMPTS = 3;
const UNKNOWN_PAUSE_MS = 500;

/** Options that every command about a running node has. */
export interface SessionOptions {
  readonly socket?: string;
  readonly json?: true;
}

/** Options of the commands that change the configuration. */
export interface ChangeOptions extends SessionOptions {
  /** Why, in the operator's words: stands in the history. */
  readonly reason?: string;
}

/** Who changes something, and why beyond what the command says. */
export interface Author {
  readonly who: string;
  readonly reason?: string;
}

/** The author of what a command line asks for. */
export function authorOf(io: CliIo, { reason }: ChangeOptions): Author {
  return { who: whoAsks(io), ...(reason === undefined ? {} : { reason }) };
}

/** Connects, does the work, and ends the connection whatever happens. */
export async function withClient<T>(
  io: CliIo,
  options: SessionOptions,
  work: (client: ApiClient) => Promise<T>,
): Promise<T> {
  const client = await connectApi(socketPath(io, options));
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** Who asks, for the record: user and machine; behind sudo the one who called it. */
export function whoAsks(io: CliIo): string {
  const caller = io.env["SUDO_USER"];
  return caller ? `${caller}@${hostname()}` : thisUser();
}

/** The running CIB. */
export async function queryCib(client: ApiClient): Promise<{ version: CibVersion; cib: Element }> {
  const { version, element } = await client.call("cib-query", {}, { timeoutMs: QUERY_TIMEOUT_MS });
  return { version, cib: element };
}

/** What became of a change. */
export interface Changed {
  readonly changed: boolean;
  readonly summary: string;
  readonly notes: readonly string[];
  readonly version: CibVersion;
}

/**
 * Makes a change out of the present CIB, and has the cluster do it. Made anew when the configuration changed in between.
 * @throws CliFailure when it is refused, or when it is unknown whether it was made.
 */
export async function change(client: ApiClient, author: Author, make: (cib: Element) => EditResult): Promise<Changed> {
  for (let attempt = 1; ; attempt += 1) {
    const { version, cib } = await queryCib(client);
    const made = make(cib);
    if ("refused" in made) throw refused(made.code ?? "not-found", made.refused);
    const { edits, summary, notes } = made;
    if (edits.length === 0) return { changed: false, summary, notes, version };
    const outcome = await requestChange(client, edits, version, { author, summary });
    if (outcome.outcome === "done") return { changed: true, summary, notes, version: outcome.version };
    if (outcome.outcome === "refused" && outcome.code === "stale" && attempt < STALE_ATTEMPTS) continue;
    throw changeFailure(outcome);
  }
}

/** Refusals of a node that can ask nobody: they speak of one asking only (`ChangeOutcome`). */
const OF_ONE_ASKING: ReadonlySet<string> = new Set(["no-quorum", "unavailable"]);

/** Asks for a change; one whose outcome is unknown is asked again under the same id, so it is never made twice. */
export async function requestChange(
  client: ApiClient,
  edits: readonly CibEdit[],
  base: CibVersion | undefined,
  { author, summary }: { readonly author: Author; readonly summary: string },
): Promise<ChangeOutcome> {
  const why = author.reason === undefined ? summary : `${author.reason} (${summary})`;
  // A value may be as long as it likes; its record in the log need not tell it whole.
  const record = { who: author.who, why: why.length > WHY_CHARACTERS ? `${why.slice(0, WHY_CHARACTERS)}…` : why };
  const request = { id: randomUUID(), edits: [...edits], ...(base === undefined ? {} : { base }), ...record };
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await client.call("cib-change", { change: request }, { timeoutMs: CHANGE_TIMEOUT_MS });
    // What was unknown stays unknown when a node then refuses only for itself.
    if (attempt > 1 && outcome.outcome === "refused" && OF_ONE_ASKING.has(outcome.code)) {
      return { outcome: "unknown", reason: `An earlier asking has no answer yet, and now: ${outcome.reason}` };
    }
    if (outcome.outcome !== "unknown" || attempt >= UNKNOWN_ATTEMPTS) return outcome;
    await new Promise((resolve) => setTimeout(resolve, UNKNOWN_PAUSE_MS));
  }
}

/** The failure that a refused or unknown outcome is. */
export function changeFailure(outcome: Exclude<ChangeOutcome, { outcome: "done" }>): CliFailure {
  if (outcome.outcome === "refused") {
    const exitCode = outcome.code.startsWith("invalid") ? EXIT.data : EXIT.failed;
    return new CliFailure(outcome.code, exitCode, `Refused, nothing was changed: ${outcome.reason}`);
  }
  return new CliFailure(
    "unknown",
    EXIT.unavailable,
    `It is unknown whether the change was made: ${outcome.reason} Look with "systole status" or "systole cib query" before you ask again.`,
  );
}

/** Prints what came of a command: the sentence behind the lines, or the data. */
export function tell(
  io: CliIo,
  options: SessionOptions,
  data: object,
  text: string,
  lines: readonly string[] = [],
): void {
  if (options.json) io.out(`${JSON.stringify({ ok: true, ...data })}\n`);
  else io.out(`${[...lines, text].join("\n")}\n`);
}

/** Changes, and prints what came of it. */
export async function changeAndTell(
  io: CliIo,
  options: ChangeOptions,
  make: (cib: Element, client: ApiClient) => EditResult,
): Promise<void> {
  const author = authorOf(io, options);
  const done = await withClient(io, options, (client) => change(client, author, (cib) => make(cib, client)));
  tell(io, options, done, [done.summary, ...done.notes].join("\n"));
}

/** A request without its id and author, which are filled in here. */
type Asked<T> = T extends unknown ? Omit<T, "id" | "who"> : never;

/** Asks the services for something, and prints the answer. */
export async function requestAndTell(
  io: CliIo,
  options: SessionOptions,
  prepare: (cib: Element) => Asked<ApiParams<"request">["request"]>,
): Promise<void> {
  const outcome = await withClient(io, options, async (client) => {
    const { cib } = await queryCib(client);
    const request = { ...prepare(cib), id: randomUUID(), who: whoAsks(io) };
    return client.call("request", { request }, { signal: io.interrupted() });
  });
  if (outcome.outcome === "refused") throw refused(outcome.code, `Not done: ${outcome.reason}`);
  tell(io, options, { summary: outcome.text }, outcome.text);
}
