// What the commands about nodes and the cluster do.

import type { ApiClient } from "../../api/client.ts";
import { EXIT } from "../../host/errors.ts";
import { parseMilliseconds } from "../../model/duration.ts";
import {
  clusterProperties,
  maintenanceEdits,
  nodeAttributeEdits,
  onlineEdits,
  propertyEdits,
  standbyEdits,
} from "../../model/edits/cluster.ts";
import { findNode } from "../../model/edits/plan.ts";
import { didYouMean } from "../../model/nearest.ts";
import { CliFailure, refused } from "../failure.ts";
import { type CliIo, renderOptions } from "../io.ts";
import { columns, printable, span } from "../render/text.ts";
import {
  type ChangeOptions,
  changeAndTell,
  queryCib,
  requestAndTell,
  type SessionOptions,
  tell,
  whoAsks,
  withClient,
} from "../session.ts";
import { statusOfReport } from "../status-of-report.ts";

const STATUS_TIMEOUT_MS = 10_000;
/** Stopping moves resources away, which takes as long as their stop operations may. */
const STOP_TIMEOUT_MS = 10 * 60_000;

function nodeMeant(client: ApiClient, node: string | undefined): string {
  return node ?? client.hello.node;
}

/** Empties a node. */
export async function standby(io: CliIo, options: ChangeOptions, node: string | undefined): Promise<void> {
  await changeAndTell(io, options, (cib, client) => standbyEdits(cib, nodeMeant(client, node)));
}

/** Gives a node back. */
export async function online(io: CliIo, options: ChangeOptions, node: string | undefined): Promise<void> {
  await changeAndTell(io, options, (cib, client) => onlineEdits(cib, nodeMeant(client, node)));
}

/** Maintenance, of a node or of all. */
export async function maintenance(
  io: CliIo,
  options: ChangeOptions & { readonly node?: string },
  state: string,
): Promise<void> {
  if (state !== "on" && state !== "off") {
    throw new CliFailure("usage", EXIT.usage, `Maintenance is "on" or "off", not "${state}", so nothing was changed.`);
  }
  await changeAndTell(io, options, (cib) => maintenanceEdits(cib, state === "on", options.node));
}

/** Stops the node that answers. */
export async function stopNode(io: CliIo, options: SessionOptions & { readonly wait: boolean }): Promise<void> {
  await withClient(io, options, async (client) => {
    const { node } = client.hello;
    await client.call("shutdown", { who: whoAsks(io) }, { timeoutMs: STATUS_TIMEOUT_MS });
    if (!options.wait) return tell(io, options, { node, stopped: false }, `${node} is stopping.`);
    if (!options.json) io.err(`${node} is stopping: its resources move away first.\n`);
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), STOP_TIMEOUT_MS).unref());
    const interrupted = new Promise<undefined>((resolve) => {
      io.interrupted().addEventListener("abort", () => resolve(undefined));
    });
    if ((await Promise.race([client.closed, late, interrupted])) === undefined) {
      throw new CliFailure(
        "still-stopping",
        EXIT.unavailable,
        `${node} is still stopping; nobody waits for it any more. "systole status" on another node shows what it is waiting for.`,
      );
    }
    tell(io, options, { node, stopped: true }, `${node} has stopped.`);
  });
}

function printPairs(io: CliIo, options: SessionOptions, pairs: Readonly<Record<string, string>>, none: string): void {
  if (options.json) io.out(`${JSON.stringify(pairs)}\n`);
  else {
    const rows = Object.entries(pairs).map(([name, value]) => [span(name), span(value)]);
    io.out(rows.length === 0 ? `${none}\n` : `${columns(rows, "  ", renderOptions(io)).join("\n")}\n`);
  }
}

function printOne(
  io: CliIo,
  options: SessionOptions,
  pairs: Readonly<Record<string, string>>,
  name: string,
  what: string,
): void {
  const value = Object.hasOwn(pairs, name) ? pairs[name] : undefined;
  if (value === undefined) throw refused("not-found", `${what} is not set.${didYouMean(name, Object.keys(pairs))}`);
  io.out(options.json ? `${JSON.stringify({ [name]: value })}\n` : `${printable(value)}\n`);
}

/** Prints attributes of a node, permanent and transient ones. */
export async function getAttributes(
  io: CliIo,
  options: SessionOptions,
  nodeName: string,
  name: string | undefined,
): Promise<void> {
  const report = await withClient(io, options, (client) => client.call("status", {}, { timeoutMs: STATUS_TIMEOUT_MS }));
  const { nodes } = statusOfReport(report);
  const wanted = nodeName.toLowerCase();
  const node = nodes.find((one) => one.name.toLowerCase() === wanted || one.id === nodeName);
  if (node === undefined) {
    const hint = didYouMean(
      nodeName,
      nodes.map((one) => one.name),
    );
    throw refused(
      "not-found",
      `There is no node "${nodeName}".${hint === "" ? ` The nodes are ${nodes.map((one) => one.name).join(", ")}.` : hint}`,
    );
  }
  if (name !== undefined) printOne(io, options, node.attributes, name, `The attribute "${name}" of ${node.name}`);
  else printPairs(io, options, node.attributes, `${node.name} has no attributes.`);
}

/** Sets (or, with undefined, deletes) an attribute of a node. */
export async function setAttribute(
  io: CliIo,
  options: ChangeOptions & { readonly transient?: true; readonly dampening?: string },
  nodeName: string,
  name: string,
  value: string | undefined,
): Promise<void> {
  if (!options.transient) {
    if (options.dampening !== undefined) {
      throw new CliFailure(
        "usage",
        EXIT.usage,
        "--dampening is about transient attributes. Add --transient, or leave it out.",
      );
    }
    return changeAndTell(io, options, (cib) => nodeAttributeEdits(cib, nodeName, name, value));
  }
  const dampeningMs = options.dampening === undefined ? 0 : parseMilliseconds(options.dampening);
  if (dampeningMs === undefined || dampeningMs < 0) {
    throw new CliFailure(
      "usage",
      EXIT.usage,
      `"${options.dampening}" is no length of time, so nothing was changed. Give one such as 5s.`,
    );
  }
  await requestAndTell(io, options, (cib) => {
    const node = findNode(cib, nodeName);
    if ("refused" in node) throw refused("not-found", node.refused);
    return { request: "attribute", node: node.name, name, value: value ?? null, dampeningMs };
  });
}

/** Prints cluster properties. */
export async function getProperties(io: CliIo, options: SessionOptions, name: string | undefined): Promise<void> {
  const { cib } = await withClient(io, options, queryCib);
  const pairs = clusterProperties(cib);
  if (name !== undefined) printOne(io, options, pairs, name, `The property "${name}"`);
  else printPairs(io, options, pairs, "No property is set: all have their defaults.");
}

/** Sets (or, with undefined, deletes) a cluster property. */
export async function setProperty(
  io: CliIo,
  options: ChangeOptions & { readonly force?: true },
  name: string,
  value: string | undefined,
): Promise<void> {
  await changeAndTell(io, options, (cib) => propertyEdits(cib, name, value, options.force === true));
}

interface FenceFlags extends SessionOptions {
  readonly yes?: true;
}

/** Fences a node, after asking a person. */
export async function fence(
  io: CliIo,
  options: FenceFlags & { readonly action: "off" | "reboot" | "on" },
  nodeName: string,
): Promise<void> {
  const node = await configuredNode(io, options, nodeName);
  const effect = options.action === "on" ? "is switched on" : "loses power at once, with everything that runs there";
  if (!options.yes) await askForName(io, node, `${node} ${effect}.`, `${node} was not fenced`);
  await requestAndTell(io, options, () => ({ request: "fence", node, action: options.action }));
}

/** Takes a person's word that a node is off. */
export async function confirmFence(io: CliIo, options: FenceFlags, nodeName: string): Promise<void> {
  const node = await configuredNode(io, options, nodeName);
  const warning = `If ${node} still has power, its resources will run twice and data is lost.`;
  if (!options.yes) await askForName(io, node, warning, "nothing was confirmed");
  await requestAndTell(io, options, () => ({ request: "fence-confirm", node }));
}

async function configuredNode(io: CliIo, options: SessionOptions, name: string): Promise<string> {
  return withClient(io, options, async (client) => {
    const node = findNode((await queryCib(client)).cib, name);
    if ("refused" in node) throw refused("not-found", node.refused);
    return node.name;
  });
}

async function askForName(io: CliIo, node: string, warning: string, otherwise: string): Promise<void> {
  if (!io.inIsTerminal) {
    throw new CliFailure("usage", EXIT.usage, `Nobody can be asked here, so ${otherwise}. Add --yes if it is meant.`);
  }
  const answer = await io.ask(`${warning} Type the node's name to go on: `);
  if (answer?.trim() !== node) throw refused("not-confirmed", `That is not its name, so ${otherwise}.`);
}
