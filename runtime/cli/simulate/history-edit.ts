// Results of operations that never ran, put into the state of a node as its executor would have put them there: an entry in
// the history of the resource, and a counted failure.

import { childrenNamed, type Element, element, withAttributes } from "../../kernel/cib/element.ts";
import { leadingInteger } from "../../model/score.ts";
import { digestText, filterForDigest } from "../../services/scheduler/digests.ts";
import {
  formatTransitionKey,
  formatTransitionMagic,
  notifyKey,
  operationKey,
} from "../../services/scheduler/operation-key.ts";
import { replaceChild, withTransientAttribute } from "./status-edit.ts";

const FEATURE_SET = "3.20.5";
const FAKE_COORDINATOR = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
const OK = 0;
const NOT_RUNNING = 7;

/** An operation and what came of it. */
export interface FakeResult {
  readonly operation: string;
  readonly intervalMs: number;
  /** The result that is wanted, and the one that came. */
  readonly target: number;
  readonly result: number;
  /** What a failure says. */
  readonly exitReason: string;
  readonly node: string;
  readonly nowEpochSeconds: number;
  /** Parameters and meta attributes of the operation, where they are known; with what hashes them. */
  readonly attributes?: Readonly<Record<string, string>>;
  readonly md5Hex: (text: string) => string;
}

/** What an entry of the history says of its resource. */
export interface HistoryAgent {
  readonly class?: string | undefined;
  readonly provider?: string | undefined;
  readonly type?: string | undefined;
}

const HISTORY_CLASSES = ["ocf", "stonith", "service", "systemd", "lsb"];

/** Why no entry can be made for an agent; undefined when one can. */
export function historyObjection(id: string, state: Element, agent: HistoryAgent): string | undefined {
  const kind = agent.class?.toLowerCase();
  if (kind === undefined || agent.type === undefined) {
    return `Resource ${id} not found in the status section of ${state.attributes["id"]} (supply class and type to continue)`;
  }
  if (!HISTORY_CLASSES.includes(kind)) return `Invalid class for ${id}: ${agent.class}`;
  if (kind === "ocf" && agent.provider === undefined) return `Please specify the provider for resource ${id}`;
  return undefined;
}

/** Under which of the ids a history has a resource; an entry that is there twice is nobody's. */
export function historyIdOf(state: Element, ids: readonly string[]): string | undefined {
  const counts = ids.map(() => 0);
  for (const lrm of state.children) {
    for (const list of lrm.name === "lrm" ? lrm.children : []) {
      for (const entry of list.name === "lrm_resources" ? list.children : []) {
        const place = entry.name === "lrm_resource" ? ids.indexOf(entry.attributes["id"] ?? "") : -1;
        if (place >= 0) counts[place] = (counts[place] ?? 0) + 1;
      }
    }
  }
  return ids.find((_, place) => counts[place] === 1);
}

/** Changes a resource's entry in the history of a node; one that is not there is made under the last of the ids. */
export function editHistory(
  state: Element,
  ids: readonly string[],
  agent: HistoryAgent,
  change: (entry: Element) => Element,
): Element {
  const found = historyIdOf(state, ids);
  const { class: kind, provider, type } = agent;
  const wrap = (name: string, inner: (child: Element) => Element) => (parent: Element) =>
    replaceChild(
      parent,
      (child) => child.name === name,
      () => element(name, name === "lrm" ? { id: state.attributes["id"] } : {}),
      inner,
    );
  const inList = (list: Element) =>
    replaceChild(
      list,
      (child) => child.name === "lrm_resource" && found !== undefined && child.attributes["id"] === found,
      () => element("lrm_resource", { id: ids[ids.length - 1], class: kind, provider, type }),
      change,
    );
  return wrap("lrm", wrap("lrm_resources", inList))(state);
}

/** Adds a result to a resource's entry, in the place that belongs to it. */
export function withResult(entry: Element, resource: string, ran: FakeResult): Element {
  const { operation, intervalMs, target, attributes = {} } = ran;
  const task = operation.startsWith("reload") ? "start" : operation;
  const result = operation === "notify" ? OK : ran.result;
  const key = operationKey(resource, task, intervalMs);
  const calls = entry.children.map((child) => leadingInteger(child.attributes["call-id"] ?? "") ?? 0);
  const callId = Math.max(0, ...calls) + 1;
  const transition = { action: callId, transition: -1, expectedResult: target, coordinator: FAKE_COORDINATOR };
  const migrates = operation === "migrate_to" || operation === "migrate_from";
  const counts = result !== target && !migrates && operation !== "notify";
  const fresh: Record<string, string | undefined> = {
    operation_key: key,
    operation: task,
    "crm-debug-origin": "systole simulate",
    crm_feature_set: FEATURE_SET,
    "transition-key": formatTransitionKey(transition),
    "transition-magic": formatTransitionMagic({ status: 0, result, key: transition }),
    "exit-reason": counts ? ran.exitReason : "",
    on_node: ran.node,
    "call-id": String(callId),
    "rc-code": String(result),
    "op-status": "0",
    interval: String(intervalMs),
    "last-rc-change": String(ran.nowEpochSeconds),
    "exec-time": "0",
    "queue-time": "0",
    ...(ran.attributes === undefined
      ? {}
      : { "op-digest": ran.md5Hex(digestText(filterForDigest(new Map(Object.entries(attributes))))) }),
    // An old entry keeps what nobody says anew.
    ...(migrates && ran.attributes !== undefined
      ? { migrate_source: attributes["CRM_meta_migrate_source"], migrate_target: attributes["CRM_meta_migrate_target"] }
      : {}),
  };
  let changed = entry;
  for (const id of entryIds(ran, resource, key, counts)) {
    changed = replaceChild(
      changed,
      (child) => child.name === "lrm_rsc_op" && child.attributes["id"] === id,
      () => element("lrm_rsc_op", { id }),
      (kept) => withAttributes(kept, fresh),
    );
  }
  return changed;
}

/** Under which ids the history keeps an operation. */
function entryIds(ran: FakeResult, resource: string, key: string, failed: boolean): string[] {
  const { operation, intervalMs, attributes = {} } = ran;
  const about = attributes["CRM_meta_notify_operation"];
  if (operation === "notify" && about !== undefined) {
    return [notifyKey(resource, attributes["CRM_meta_notify_type"] ?? "", about)];
  }
  if (operation === "notify" || operation === "migrate_to" || operation === "migrate_from") return [key];
  if (failed) return [`${resource}_last_failure_0`, ...(intervalMs === 0 ? [`${resource}_last_0`] : [])];
  return [intervalMs > 0 ? key : `${resource}_last_0`];
}

/** A state with one more failure counted, and the attributes that say so. */
export interface Counted {
  readonly state: Element;
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
}

/**
 * Counts a failure where the result is one: success is none, and neither is a probe that finds nothing running.
 * @param fatal one failure is as bad as infinitely many
 */
export function countFailure(
  state: Element,
  resource: string,
  ran: Pick<FakeResult, "operation" | "intervalMs" | "result" | "nowEpochSeconds">,
  fatal: boolean,
): Counted {
  const { operation, intervalMs, result } = ran;
  if (result === OK || (result === NOT_RUNNING && intervalMs === 0)) return { state, attributes: [] };
  const suffix = `${resource}#${operation}_${intervalMs}`;
  const known = childrenNamed(state, "transient_attributes")
    .flatMap((section) => section.children)
    .flatMap((block) => childrenNamed(block, "nvpair"))
    .filter((pair) => pair.attributes["name"] === `fail-count-${suffix}`);
  // What stands there twice, or as INFINITY, is no number to count on from.
  const count = known.length === 1 ? (leadingInteger(known[0]?.attributes["value"] ?? "") ?? 0) : 0;
  const attributes = [
    { name: `fail-count-${suffix}`, value: fatal ? "INFINITY" : String(count + 1) },
    { name: `last-failure-${suffix}`, value: String(ran.nowEpochSeconds) },
  ];
  const counted = attributes.reduce((next, { name, value }) => withTransientAttribute(next, name, value), state);
  return { state: counted, attributes };
}

/** How an attribute that was put into a node's state is told. */
export function attributeLine(state: Element, attribute: { readonly name: string; readonly value: string }): string {
  return `Injecting attribute ${attribute.name}=${attribute.value} into /node_state '${state.attributes["id"]}'`;
}
