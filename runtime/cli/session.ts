// One command's conversation with a node: connect, ask, change, say what came of it.

import { randomUUID } from "node:crypto";
import { hostname, userInfo } from "node:os";
import { type ApiClient, connectApi } from "../api/client.ts";
import type { ApiParams } from "../api/schema.ts";
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

/** Who asks, for the record: user and machine. */
export function whoAsks(): string {
  let user = "unknown";
  try {
    user = userInfo().username;
  } catch {
    // A user id without a name is still somebody.
    user = `uid ${process.getuid?.() ?? "unknown"}`;
  }
  return `${user}@${hostname()}`;
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
export async function change(client: ApiClient, make: (cib: Element) => EditResult): Promise<Changed> {
  for (let attempt = 1; ; attempt += 1) {
    const { version, cib } = await queryCib(client);
    const made = make(cib);
    if ("refused" in made) throw refused("not-found", made.refused);
    const { edits, summary, notes } = made;
    if (edits.length === 0) return { changed: false, summary, notes, version };
    const outcome = await requestChange(client, edits, version, summary);
    if (outcome.outcome === "done") return { changed: true, summary, notes, version: outcome.version };
    if (outcome.outcome === "refused" && outcome.code === "stale" && attempt < STALE_ATTEMPTS) continue;
    throw changeFailure(outcome);
  }
}

/** Asks for a change; one whose outcome is unknown is asked again under the same id, so it is never made twice. */
export async function requestChange(
  client: ApiClient,
  edits: readonly CibEdit[],
  base: CibVersion | undefined,
  why: string,
): Promise<ChangeOutcome> {
  // A value may be as long as it likes; its record in the log need not tell it whole.
  const record = { who: whoAsks(), why: why.length > WHY_CHARACTERS ? `${why.slice(0, WHY_CHARACTERS)}…` : why };
  const request = { id: randomUUID(), edits: [...edits], ...(base === undefined ? {} : { base }), ...record };
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await client.call("cib-change", { change: request }, { timeoutMs: CHANGE_TIMEOUT_MS });
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

/** Changes, and prints what came of it. */
export async function changeAndTell(
  io: CliIo,
  options: SessionOptions,
  make: (cib: Element, client: ApiClient) => EditResult,
): Promise<void> {
  const done = await withClient(io, options, (client) => change(client, (cib) => make(cib, client)));
  if (options.json) io.out(`${JSON.stringify({ ok: true, ...done })}\n`);
  else io.out(`${[done.summary, ...done.notes].join("\n")}\n`);
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
    const request = { ...prepare(cib), id: randomUUID(), who: whoAsks() };
    return client.call("request", { request }, { signal: io.interrupted() });
  });
  if (outcome.outcome === "refused") throw refused(outcome.code, `Not done: ${outcome.reason}`);
  if (options.json) io.out(`${JSON.stringify({ ok: true, summary: outcome.text })}\n`);
  else io.out(`${outcome.text}\n`);
}
