// What is told of a cluster beyond nodes and resources when it is asked for: attributes of nodes, counted failures and failed
// operations. As data, and as the lines that crm_simulate prints.

import { childNamed, childrenNamed } from "../../kernel/cib/element.ts";
import { leadingInteger } from "../../model/score.ts";
import { compareText, sameText } from "../../model/text.ts";
import { parametersOf } from "../../services/scheduler/attributes.ts";
import { failureCount } from "../../services/scheduler/fail-counts.ts";
import { maskedProbe } from "../../services/scheduler/history-result.ts";
import { parseOperationKey } from "../../services/scheduler/operation-key.ts";
import type { Cluster, Node, Resource } from "../../services/scheduler/state.ts";
import { findResource } from "../../services/scheduler/tree.ts";
import { Lines } from "./lines.ts";
import { exitText, statusText } from "./result-text.ts";

/** An attribute of a node; `expected` is what a ping resource on the node would make of it if all answered. */
export interface ShownAttribute {
  readonly name: string;
  readonly value: string;
  readonly expected?: number;
}

/** How often a resource failed on a node. */
export interface ShownFailCount {
  readonly resource: string;
  readonly failCount: number;
  readonly migrationThreshold: number;
  /** Epoch seconds; 0 when not recorded. */
  readonly lastFailure: number;
}

/** An operation that failed. Texts are those of the history. */
export interface ShownFailure {
  readonly operationKey: string;
  readonly node: string;
  readonly result: number;
  readonly status: number;
  readonly callId?: string;
  readonly exitReason?: string;
  /** Epoch seconds. */
  readonly lastChange?: number;
  readonly queueTimeMs?: string;
  readonly execTimeMs?: string;
}

interface OfNode<Entry> {
  readonly node: string;
  readonly entries: readonly Entry[];
}

/** What was asked for; undefined for what was not. */
export interface Details {
  readonly nodeAttributes?: readonly OfNode<ShownAttribute>[];
  /** Undefined also when there is no status. */
  readonly failCounts?: readonly OfNode<ShownFailCount>[];
  readonly failures?: readonly ShownFailure[];
}

/** What is to be told. */
export interface DetailOptions {
  readonly attributes: boolean;
  readonly failCounts: boolean;
}

/** Looks it all up in a cluster that was read and not yet planned. */
export function detailsOf(cluster: Cluster, options: DetailOptions): Details {
  const failCounts = options.failCounts ? shownFailCounts(cluster) : undefined;
  return {
    ...(options.attributes ? { nodeAttributes: shownAttributes(cluster) } : {}),
    ...(failCounts === undefined ? {} : { failCounts }),
    ...(options.failCounts ? { failures: shownFailures(cluster) } : {}),
  };
}

/** Attributes that are shown elsewhere, or are of no interest. */
const HIDDEN = ["fail-count", "last-failure", "shutdown", "terminate", "standby", "#"];

function shownAttributes(cluster: Cluster): OfNode<ShownAttribute>[] {
  const shown: OfNode<ShownAttribute>[] = [];
  for (const node of cluster.sortedNodes) {
    if (!node.online) continue;
    const names = [...node.attributes.keys()].filter((name) => !HIDDEN.some((prefix) => name.startsWith(prefix)));
    if (names.length === 0) continue;
    const entries = names.sort(compareText).map((name): ShownAttribute => {
      const expected = expectedScore(cluster, node, node.running, name);
      const value = node.attributes.get(name) ?? "";
      return { name, value, ...(expected === undefined ? {} : { expected }) };
    });
    shown.push({ node: node.name, entries });
  }
  return shown;
}

/** What an attribute says when all hosts answer that a ping resource asks for it. */
function expectedScore(
  cluster: Cluster,
  node: Node,
  resources: readonly Resource[],
  attribute: string,
): number | undefined {
  for (const resource of resources) {
    const inner = expectedScore(cluster, node, resource.children, attribute);
    if (inner !== undefined) return inner;
    if (!["ping", "pingd"].includes(resource.meta.get("type")?.toLowerCase() ?? "")) continue;
    const parameters = parametersOf(cluster, resource, node);
    if (!sameText(parameters.get("name") ?? "pingd", attribute)) continue;
    const hosts = parameters.get("host_list") ?? "";
    const multiplier = leadingInteger(parameters.get("multiplier") ?? "1") ?? 1;
    return (hosts === "" ? 0 : hosts.split(" ").length) * multiplier;
  }
  return undefined;
}

function shownFailCounts(cluster: Cluster): OfNode<ShownFailCount>[] | undefined {
  const status = childNamed(cluster.cib, "status");
  const shown: OfNode<ShownFailCount>[] = [];
  for (const state of childrenNamed(status, "node_state")) {
    const node = cluster.nodeById.get(state.attributes["id"] ?? "");
    if (!node?.online) continue;
    const history = childrenNamed(childNamed(childNamed(state, "lrm"), "lrm_resources"), "lrm_resource");
    const entries: ShownFailCount[] = [];
    for (const { attributes } of history) {
      const { id } = attributes;
      const resource = id === undefined ? undefined : findResource(cluster, id);
      if (id === undefined || resource === undefined) continue;
      const { count, lastFailure } = failureCount(cluster, resource, node);
      if (count <= 0) continue;
      entries.push({ resource: id, failCount: count, migrationThreshold: resource.banAfterFailures, lastFailure });
    }
    shown.push({ node: node.name, entries });
  }
  return shown.length === 0 ? undefined : shown;
}

function shownFailures(cluster: Cluster): ShownFailure[] {
  const shown: ShownFailure[] = [];
  for (const { node, key, operation } of cluster.failed) {
    if (maskedProbe(operation) || parseOperationKey(key) === undefined) continue;
    const { attributes } = operation.element;
    const text = (name: string) => (attributes[name] === "" ? undefined : attributes[name]);
    const [callId, exitReason] = [text("call-id"), text("exit-reason")];
    const [queueTimeMs, execTimeMs] = [text("queue-time"), text("exec-time")];
    shown.push({
      operationKey: key,
      node: node.name,
      result: operation.result ?? 0,
      status: operation.status ?? 0,
      ...(callId === undefined ? {} : { callId }),
      ...(exitReason === undefined ? {} : { exitReason }),
      ...(operation.changedAt === undefined ? {} : { lastChange: operation.changedAt }),
      ...(queueTimeMs === undefined ? {} : { queueTimeMs }),
      ...(execTimeMs === undefined ? {} : { execTimeMs }),
    });
  }
  return shown;
}

/** The sections of all that was asked for, each after an empty line. */
export function detailLines(details: Details): string[] {
  const out = new Lines();
  const { nodeAttributes = [], failCounts, failures = [] } = details;
  if (nodeAttributes.length > 0) {
    out.gap();
    out.list("Node Attributes", () => {
      for (const { node, entries } of nodeAttributes) {
        out.list(`Node: ${node}`, () => {
          for (const entry of entries) out.item(attributeText(entry));
        });
      }
    });
  }
  if (failCounts !== undefined) {
    out.gap();
    out.list("Migration Summary", () => {
      for (const { node, entries } of failCounts) {
        if (entries.length === 0) continue;
        out.list(`Node: ${node}`, () => {
          for (const entry of entries) out.item(failCountText(entry));
        });
      }
    });
  }
  if (failures.length > 0) {
    out.gap();
    out.list("Failed Resource Actions", () => {
      for (const failure of failures) out.item(failureText(failure));
    });
  }
  return out.lines;
}

function attributeText({ name, value, expected }: ShownAttribute): string {
  const text = `${name.padEnd(32)}\t: ${value.padEnd(10)}`;
  if (expected === undefined) return text;
  const reached = leadingInteger(value) ?? 0;
  if (reached <= 0) return `${text}\t: Connectivity is lost`;
  return reached < expected ? `${text}\t: Connectivity is degraded (Expected=${expected})` : text;
}

function failCountText({ resource, failCount, migrationThreshold, lastFailure }: ShownFailCount): string {
  const when = lastFailure > 0 ? ` last-failure='${clockText(lastFailure)}'` : "";
  return `${resource}: migration-threshold=${migrationThreshold} fail-count=${failCount}${when}`;
}

function failureText(failure: ShownFailure): string {
  const { operationKey, node, result, status, callId, exitReason, lastChange, queueTimeMs, execTimeMs } = failure;
  return [
    `${operationKey} on ${node} '${exitText(result)}' (${result}): call=${callId ?? "unknown"}`,
    `status='${statusText(status)}'`,
    ...(exitReason === undefined ? [] : [`exitreason='${exitReason}'`]),
    ...(lastChange === undefined ? [] : [`last-rc-change='${clockText(lastChange)}'`]),
    ...(queueTimeMs === undefined ? [] : [`queued=${queueTimeMs}ms`]),
    ...(execTimeMs === undefined ? [] : [`exec=${execTimeMs}ms`]),
  ].join(", ");
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A moment in the time zone of this process, as the C library writes it: "Mon Nov 23 08:05:00 2026". */
function clockText(epochSeconds: number): string {
  const moment = new Date(epochSeconds * 1000);
  const clock = [moment.getHours(), moment.getMinutes(), moment.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
  const day = String(moment.getDate()).padStart(2);
  return `${DAYS[moment.getDay()]} ${MONTHS[moment.getMonth()]} ${day} ${clock} ${moment.getFullYear()}`;
}
