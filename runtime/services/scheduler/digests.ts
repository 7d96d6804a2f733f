// Digests of operation parameters: did the configuration change since the operation ran?
// Source of the form: op-digest, op-restart-digest, op-secure-digest in lrm_rsc_op; MD5 of " <parameters A="…" B="…"/>\n", names sorted.

import { compareText, compareVersions } from "../../model/text.ts";
import { parametersOf, readBlocks, ruleInput } from "./attributes.ts";
import { operationConfig, operationMeta } from "./operation-meta.ts";
import type { Cluster, HistoryOperation, Node, OperationConfig, OperationDigests, Resource } from "./state.ts";
import { currentNode, nodeAttribute, outermost } from "./tree.ts";

/** From this feature set on, the secure digest is made from all parameters but the secret ones. */
const SECURE_DIGEST_CHANGED = "3.16.0";
const DEFAULT_SECRETS = ["passwd", "password", "user"];

const FENCE_PARAMETERS =
  /^(pcmk_(host_(map|list|check|argument)|delay_(max|base)|action_limit|(reboot|off|on|list|monitor|status|metadata)_(action|timeout|retries))|provides|stonith-timeout|fencing-timeout)$/;

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

function escapeAttribute(text: string): string {
  return /[&<>"\t\n\r]/.test(text)
    ? text.replace(/[&<>"\t\n\r]/g, (character) => ESCAPES[character] ?? character)
    : text;
}

/** The text whose MD5 is the digest of a set of parameters. */
export function digestText(parameters: ReadonlyMap<string, string>): string {
  let text = " <parameters";
  for (const name of [...parameters.keys()].sort(compareText)) {
    text += ` ${name}="${escapeAttribute(parameters.get(name) ?? "")}"`;
  }
  return `${text}/>\n`;
}

/** Name of a meta attribute among the parameters that an agent gets. */
export function metaName(name: string): string {
  return name.includes("-") ? `CRM_meta_${name.replaceAll("-", "_")}` : `CRM_meta_${name}`;
}

const INTERVAL = metaName("interval");
const TIMEOUT = metaName("timeout");
const NEVER_DIGESTED = new Set(["id", "crm_feature_set", "op-digest", "on_node", "on_node_uuid", "pcmk_external_ip"]);

/** Leaves out what is not a parameter of the agent; a recurring operation keeps its timeout. */
export function filterForDigest(all: ReadonlyMap<string, string>): Map<string, string> {
  const kept = new Map<string, string>();
  const interval = Number(all.get(INTERVAL) ?? 0);
  for (const [name, value] of all) {
    if (NEVER_DIGESTED.has(name)) continue;
    if (name.startsWith("CRM_meta_") && !(interval > 0 && name === TIMEOUT)) continue;
    kept.set(name, value);
  }
  return kept;
}

/** The connection of a bundle's replica whose address is that of whatever machine its container is on. */
export function needsRemoteName(cluster: Cluster, resource: Resource): boolean {
  if (!resource.remoteConnection) return false;
  return parametersOf(cluster, resource, undefined).get("addr")?.toLowerCase() === "#uname";
}

/** The name of that machine, where it is known. */
export function bundleHostName(cluster: Cluster, resource: Resource): string | undefined {
  if (!needsRemoteName(cluster, resource)) return undefined;
  const replica = outermost(resource).bundle?.replicas.find((candidate) => candidate.remote === resource);
  if (replica === undefined) return undefined;
  return (replica.container.assigned ?? currentNode(replica.container))?.name;
}

const NO_PARAMETERS: ReadonlyMap<string, string> = new Map();

/** Parameters of one operation (instance_attributes inside <op>). */
export function operationParameters(
  cluster: Cluster,
  config: OperationConfig | undefined,
  node: Node | undefined,
): ReadonlyMap<string, string> {
  if (config === undefined || config.element.children.length === 0) return NO_PARAMETERS;
  const values = new Map<string, string>();
  readBlocks(config.element, "instance_attributes", values, ruleInput(cluster, { nodeAttributes: node?.attributes }));
  return values;
}

/** Parameters of an operation as it is configured now: all that its digests are made from. */
function digestedParameters(
  cluster: Cluster,
  resource: Resource,
  config: OperationConfig | undefined,
  task: string,
  intervalMs: number,
  node: Node,
): Map<string, string> {
  const all = new Map<string, string>();
  const host = bundleHostName(cluster, resource);
  if (host !== undefined) all.set("addr", host);
  const add = (value: string | undefined, name: string) => {
    if (value !== undefined && !all.has(name)) all.set(name, value);
  };
  parametersOf(cluster, resource, node).forEach(add);
  operationParameters(cluster, config, node).forEach(add);
  // All other meta attributes would be left out again.
  const meta = operationMeta(cluster, resource, node, task, intervalMs, config);
  add(meta.get("interval"), INTERVAL);
  add(meta.get("timeout"), TIMEOUT);
  return filterForDigest(all);
}

/** The digests of an operation as it is configured now, for comparison with what the history has. */
class ConfiguredDigests implements OperationDigests {
  verdict: OperationDigests["verdict"] = "match";
  private readonly cluster: Cluster;
  private readonly resource: Resource;
  private readonly config: OperationConfig | undefined;
  private readonly task: string;
  private readonly intervalMs: number;
  private readonly node: Node;
  private readonly history: HistoryOperation | undefined;
  private knownParameters: ReadonlyMap<string, string> | undefined;
  private knownAll: string | undefined;

  constructor(
    cluster: Cluster,
    resource: Resource,
    task: string,
    intervalMs: number,
    node: Node,
    history: HistoryOperation | undefined,
  ) {
    this.cluster = cluster;
    this.resource = resource;
    this.config = operationConfig(resource, task, intervalMs);
    this.task = task;
    this.intervalMs = intervalMs;
    this.node = node;
    this.history = history;
    if (intervalMs === 0 && operationParameters(cluster, this.config, node).size > 0) this.verdict = "restart";
  }

  parameters(): ReadonlyMap<string, string> {
    const { cluster, resource, config, task, intervalMs, node } = this;
    this.knownParameters ??= digestedParameters(cluster, resource, config, task, intervalMs, node);
    return this.knownParameters;
  }

  all(): string {
    this.knownAll ??= this.cluster.md5Hex(digestText(this.parameters()));
    return this.knownAll;
  }

  secure(): string | undefined {
    // Without a history it is for the record of an unfencing, which has it always.
    const { cluster, resource, node, history } = this;
    if (history !== undefined && !cluster.secretsRemoved) return undefined;
    return secureDigest(cluster, resource, this.parameters(), node, history);
  }

  restart(): string | undefined {
    const { history } = this;
    if (history === undefined || restartDigestOf(history) === undefined) return undefined;
    return restartDigest(this.cluster, this.parameters(), history);
  }
}

function secureDigest(
  cluster: Cluster,
  resource: Resource,
  filtered: ReadonlyMap<string, string>,
  node: Node,
  history: HistoryOperation | undefined,
): string {
  const version = history?.element.attributes["crm_feature_set"] ?? cluster.featureSet ?? SECURE_DIGEST_CHANGED;
  const old = compareVersions(version, SECURE_DIGEST_CHANGED) < 0;
  const secrets = history === undefined ? DEFAULT_SECRETS : words(history.element.attributes["op-secure-params"]);
  const kept = filterForDigest(old ? parametersOf(cluster, resource, node) : filtered);
  // The later form keeps the timeout of a recurring operation, which the filter above needs its interval for.
  const timeout = filtered.get(TIMEOUT);
  if (!old && timeout !== undefined) kept.set(TIMEOUT, timeout);
  for (const name of secrets) kept.delete(name);
  if (old && resource.resourceClass?.toLowerCase() === "stonith") {
    for (const name of [...kept.keys()]) if (FENCE_PARAMETERS.test(name)) kept.delete(name);
  }
  return cluster.md5Hex(digestText(kept));
}

function words(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(" ").filter((word) => word !== "");
}

/** Digest of those parameters whose change needs a restart; the history names them. */
function restartDigest(cluster: Cluster, filtered: ReadonlyMap<string, string>, history: HistoryOperation): string {
  const list = history.element.attributes["op-force-restart"];
  if (list === undefined) return cluster.md5Hex(digestText(filtered));
  const restarting = new Set(words(list));
  return cluster.md5Hex(digestText(new Map([...filtered].filter(([name]) => restarting.has(name)))));
}

/** The recorded restart digest; one that matches nothing when the operation is to run again anyway. */
export function restartDigestOf(history: HistoryOperation): string | undefined {
  return history.rescheduled ? "calculated-failure-timeout" : history.element.attributes["op-restart-digest"];
}

function cached(
  cluster: Cluster,
  resource: Resource,
  task: string,
  intervalMs: number,
  node: Node,
  history: HistoryOperation | undefined,
): OperationDigests {
  const key = `${resource.id}_${task}_${intervalMs}`;
  let digests = node.digests.get(key);
  if (digests === undefined) {
    digests = new ConfiguredDigests(cluster, resource, task, intervalMs, node, history);
    node.digests.set(key, digests);
  }
  return digests;
}

/** Compares the digests of an operation in the history with the configuration. */
export function compareDigests(
  cluster: Cluster,
  resource: Resource,
  history: HistoryOperation,
  node: Node,
): OperationDigests {
  const digests = cached(cluster, resource, history.task, history.intervalMs, node, history);
  const recorded = history.element.attributes["op-digest"];
  const recordedRestart = restartDigestOf(history);
  const restart = recordedRestart === undefined ? undefined : digests.restart();
  if (restart !== undefined && restart !== recordedRestart) digests.verdict = "restart";
  else if (recorded === undefined) digests.verdict = "unknown";
  else if (recorded === digests.all()) digests.verdict = "match";
  else if (!(history.intervalMs === 0 && digests.verdict === "restart")) digests.verdict = "mismatch";
  return digests;
}

/** Compares a fence device's parameters with those that a node was unfenced with. */
export function compareFencingDigest(
  cluster: Cluster,
  resource: Resource,
  agent: string,
  node: Node,
): OperationDigests {
  const digests = cached(cluster, resource, "stonith-on", 0, node, undefined);
  const recorded = nodeAttribute(node, "#digests-all", undefined, "current");
  const matches = (summary: string | undefined, digest: string | undefined) =>
    summary !== undefined && digest !== undefined && summary.includes(`${resource.id}:${agent}:${digest}`);
  if (recorded === undefined) digests.verdict = "unknown";
  else if (matches(recorded, digests.all())) digests.verdict = "match";
  else if (matches(nodeAttribute(node, "#digests-secure", undefined, "current"), digests.secure())) {
    digests.verdict = "match";
    cluster.notices.push(`Only 'private' parameters to ${resource.id} for unfencing ${node.name} changed`);
  } else digests.verdict = "mismatch";
  return digests;
}
