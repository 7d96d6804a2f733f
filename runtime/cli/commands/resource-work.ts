// What the resource commands do.

import type { ApiClient } from "../../api/client.ts";
import type { ApiResult } from "../../api/schema.ts";
import { EXIT, SystoleError } from "../../host/errors.ts";
import type { Element } from "../../kernel/cib/element.ts";
import { parseIntervalMs, parseIsoDuration, parseMilliseconds } from "../../model/duration.ts";
import { clearEdits, moveEdits } from "../../model/edits/move.ts";
import { findAnyNode, findResource } from "../../model/edits/plan.ts";
import { startEdits, stopEdits } from "../../model/edits/resource.ts";
import { whyText } from "../../model/status/why.ts";
import { clusterStatus } from "../../model/status.ts";
import { CliFailure, refused } from "../failure.ts";
import { type CliIo, renderOptions } from "../io.ts";
import { renderResources } from "../render/status.ts";
import { wrap } from "../render/text.ts";
import {
  type ChangeOptions,
  changeAndTell,
  queryCib,
  requestAndTell,
  type SessionOptions,
  withClient,
} from "../session.ts";
import { statusOfReport } from "../status-of-report.ts";

const STATUS_TIMEOUT_MS = 10_000;

/** Prints the tree of resources. */
export async function listResources(io: CliIo, options: SessionOptions): Promise<void> {
  const report = await withClient(io, options, (client) => client.call("status", {}, { timeoutMs: STATUS_TIMEOUT_MS }));
  const status = statusOfReport(report);
  if (options.json) io.out(`${JSON.stringify(status.resources)}\n`);
  else io.out(`${renderResources(status, renderOptions(io)).join("\n")}\n`);
}

/** Lets it run. */
export async function startResource(io: CliIo, options: ChangeOptions, id: string): Promise<void> {
  await changeAndTell(io, options, (cib) => startEdits(cib, id));
}

/** Keeps it stopped. */
export async function stopResource(io: CliIo, options: ChangeOptions, id: string): Promise<void> {
  await changeAndTell(io, options, (cib) => stopEdits(cib, id));
}

/** Moves it. */
export async function moveResource(
  io: CliIo,
  options: ChangeOptions & { readonly from?: string; readonly promoted?: true; readonly lifetime?: string },
  id: string,
  node: string | undefined,
): Promise<void> {
  const until = options.lifetime === undefined ? undefined : endOf(options.lifetime);
  await changeAndTell(io, options, (cib) =>
    moveEdits(cib, id, {
      ...(node === undefined ? {} : { to: node }),
      ...(options.from === undefined ? {} : { from: options.from }),
      ...(options.promoted === undefined ? {} : { promoted: true }),
      ...(until === undefined ? {} : { until }),
    }),
  );
}

/** Now and a length of time, as ISO 8601 in UTC without fractions. */
function endOf(lifetime: string): string {
  const known = lifetime.startsWith("P")
    ? parseIsoDuration(lifetime) !== undefined
    : parseMilliseconds(lifetime) !== undefined;
  const milliseconds = parseIntervalMs(lifetime);
  if (!known || milliseconds === 0) {
    throw new CliFailure(
      "invalid-duration",
      EXIT.usage,
      `"${lifetime}" is no length of time, so nothing was moved. Give one such as 30min or PT1H.`,
    );
  }
  return new Date(Date.now() + milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
}

/** Takes moves back. */
export async function clearResource(
  io: CliIo,
  options: ChangeOptions & { readonly node?: string },
  id: string,
): Promise<void> {
  await changeAndTell(io, options, (cib) => {
    if (options.node === undefined) return clearEdits(cib, id);
    const node = findAnyNode(cib, options.node);
    return "refused" in node ? node : clearEdits(cib, id, node.name);
  });
}

/** Forgets failures. */
export async function cleanupResource(
  io: CliIo,
  options: SessionOptions & { readonly node?: string },
  id: string | undefined,
): Promise<void> {
  await requestAndTell(io, options, (cib) => {
    const resource = id === undefined || isOrphan(cib, id) ? undefined : findResource(cib, id);
    const node = options.node === undefined ? undefined : findAnyNode(cib, options.node);
    for (const found of [resource, node]) {
      if (found !== undefined && "refused" in found) throw refused("not-found", found.refused);
    }
    return {
      request: "cleanup",
      ...(id === undefined ? {} : { resource: id }),
      ...(node === undefined || "refused" in node ? {} : { node: node.name }),
    };
  });
}

/** One that still runs, or failed, although it was taken out of the configuration. */
function isOrphan(cib: Element, id: string): boolean {
  return clusterStatus(cib).resources.some((resource) => resource.orphan && resource.id === id);
}

/** Explains it. */
export async function explainResource(io: CliIo, options: SessionOptions, id: string): Promise<void> {
  const { cib, placements, status } = await withClient(io, options, async (client) => {
    const { cib } = await queryCib(client);
    const place = findResource(cib, id);
    if ("refused" in place) throw refused("not-found", place.refused);
    const report = await client.call("status", {}, { timeoutMs: STATUS_TIMEOUT_MS });
    return { cib, placements: await placesOf(client, primitiveIds(place.element)), status: statusOfReport(report) };
  });
  const sentences = whyText(id, placements, status, cib);
  if (options.json) io.out(`${JSON.stringify({ resource: id, placements, because: sentences })}\n`);
  else io.out(`${sentences.flatMap((sentence) => wrap(sentence, "", renderOptions(io))).join("\n")}\n`);
}

/** A group or clone is explained member by member. */
function primitiveIds(resource: Element): string[] {
  if (resource.name === "primitive") return [resource.attributes["id"] ?? ""];
  return resource.children
    .filter((child) => child.name === "primitive" || child.name === "group")
    .flatMap(primitiveIds);
}

async function placesOf(client: ApiClient, ids: readonly string[]): Promise<ApiResult<"why">["placements"]> {
  const found: ApiResult<"why">["placements"][number][] = [];
  for (const resource of ids) {
    try {
      found.push(...(await client.call("why", { resource }, { timeoutMs: STATUS_TIMEOUT_MS })).placements);
    } catch (error) {
      // What the plan does not place (a resource that is not used) is explained by the status alone.
      if (!(error instanceof SystoleError) || error.code !== "not-found") throw error;
    }
  }
  return found;
}
