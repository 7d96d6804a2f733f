// Counted failures: node attributes "fail-count-RESOURCE#OPERATION_INTERVAL" and "last-failure-…".
// Source of the form: transient_attributes in the status section of any CIB.

import { childrenNamed, type Element } from "../../kernel/cib/element.ts";
import { millisecondsToSeconds, parseIntervalMs } from "../../model/duration.ts";
import { addScores, leadingInteger, parseScore } from "../../model/score.ts";
import { sameText } from "../../model/text.ts";
import type { Cluster, FailureCount, HistoryOperation, Node, Resource } from "./state.ts";
import { isBundled, stripInstance } from "./tree.ts";

const ATTRIBUTE = /^(fail-count|last-failure)-([^#]+)#.+_\d+$/;
const NONE: FailureCount = { count: 0, lastFailure: 0 };

/** Which of the failures count. */
export interface FailureOptions {
  /** Not those that are older than failure-timeout. */
  readonly effective?: boolean;
  /** Also those of what the resource launches. */
  readonly launched?: boolean;
  /** The operation that is being looked at, when it is one. */
  readonly operation?: HistoryOperation;
}

/** Reads a node's failures into tables by name, with and without the number of an instance. */
function index(node: Node): void {
  const exact = new Map<string, { count: number; lastFailure: number }>();
  const anonymous = new Map<string, { count: number; lastFailure: number }>();
  for (const [name, value] of node.attributes) {
    const match = ATTRIBUTE.exec(name);
    if (match === null) continue;
    const resource = match[2] ?? "";
    for (const [table, key] of [[exact, resource] as const, [anonymous, stripInstance(resource)] as const]) {
      let entry = table.get(key);
      if (entry === undefined) {
        entry = { count: 0, lastFailure: 0 };
        table.set(key, entry);
      }
      if (match[1] === "fail-count") entry.count = addScores(entry.count, parseScore(value) ?? 0);
      else entry.lastFailure = Math.max(entry.lastFailure, leadingInteger(value) ?? 0);
    }
  }
  node.failures = exact;
  node.anonymousFailures = anonymous;
}

/** How often a resource failed on a node, and when last. */
export function failureCount(
  cluster: Cluster,
  resource: Resource,
  node: Node,
  options: FailureOptions = {},
): FailureCount {
  if (node.failures === undefined) index(node);
  const launched = options.launched === true && resource.launched.length > 0 && !isBundled(resource);
  if (node.failures?.size === 0) return NONE;
  const name = resource.historyId ?? resource.id;
  const found = resource.unique ? node.failures?.get(name) : node.anonymousFailures?.get(stripInstance(name));
  if (found === undefined && !launched) return NONE;
  let { count, lastFailure } = found ?? NONE;
  if (count > 0 && resource.failureExpirationMs > 0 && blocksOnFailure(resource, node, options.operation)) {
    resource.failureExpirationMs = 0;
  }
  if (options.effective && count > 0 && lastFailure > 0 && resource.failureExpirationMs > 0) {
    if (cluster.now > lastFailure + millisecondsToSeconds(resource.failureExpirationMs)) count = 0;
  }
  if (launched) {
    for (const inner of resource.launched) {
      const more = failureCount(cluster, inner, node, options);
      count += more.count;
      lastFailure = Math.max(lastFailure, more.lastFailure);
    }
  }
  return { count, lastFailure: count > 0 ? lastFailure : 0 };
}

function configuredOperations(resource: Resource): readonly Element[] {
  return resource.config.children
    .filter((child) => child.name === "operations")
    .flatMap((child) => [...childrenNamed(child, "op")]);
}

/** A failure that blocks the resource must not be forgotten by time. */
function blocksOnFailure(resource: Resource, node: Node, operation: HistoryOperation | undefined): boolean {
  const name = stripInstance(resource.id);
  for (const config of configuredOperations(resource)) {
    if (config.attributes["on-fail"] !== "block") continue;
    if (operation !== undefined) {
      if (matchesFailure(name, config, operation)) return true;
      continue;
    }
    const task = config.attributes["name"];
    const intervalMs = parseIntervalMs(config.attributes["interval"]);
    for (const entry of historyOf(node, name)) {
      for (const past of entry.operations) {
        if (past.task === task && past.intervalMs === intervalMs && matchesFailure(name, config, past)) return true;
      }
    }
  }
  return false;
}

function matchesFailure(name: string, config: Element, operation: HistoryOperation): boolean {
  const task = config.attributes["name"];
  const intervalMs = parseIntervalMs(config.attributes["interval"]);
  if (intervalMs !== operation.intervalMs || !sameText(task, operation.task)) return false;
  if (sameText(operation.id, `${name}_last_failure_0`)) return true;
  return sameText(operation.id, `${name}_${task}_${intervalMs}`) && operation.result !== operation.expected;
}

/** What a node's history has under an id. */
export function historyOf(node: Node, id: string) {
  if (node.historyById === undefined) {
    node.historyById = new Map();
    for (const entry of node.history) {
      const list = node.historyById.get(entry.id);
      if (list === undefined) node.historyById.set(entry.id, [entry]);
      else list.push(entry);
    }
  }
  return node.historyById.get(id) ?? [];
}
