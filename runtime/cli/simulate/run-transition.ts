// Pretending that a transition runs, and everything goes as wanted: what each action does to the status section.

import { type Element, element, withAttributes, withChildren } from "../../kernel/cib/element.ts";
import { leadingInteger } from "../../model/score.ts";
import { digestText, filterForDigest } from "../../services/scheduler/digests.ts";
import {
  formatTransitionKey,
  formatTransitionMagic,
  notifyKey,
  operationKey,
} from "../../services/scheduler/operation-key.ts";
import type { GraphAction, TransitionGraph } from "../../services/transition.ts";

const FEATURE_SET = "3.20.5";
const FAKE_COORDINATOR = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

/** What the pretending needs to know. */
export interface RunOptions {
  readonly nowEpochSeconds: number;
  readonly md5Hex: (text: string) => string;
  /** Whether a resource is known under an id. */
  readonly knows: (id: string) => boolean;
  /** Results that are to be other than wanted: RESOURCE_OPERATION_INTERVAL@NODE -> result code. */
  readonly failures?: ReadonlyMap<string, number>;
}

/** How a transition went. */
export interface RunResult {
  readonly lines: readonly string[];
  readonly cib: Element;
  /** Nothing was left that waits for something that never comes. */
  readonly complete: boolean;
}

/** Runs all actions, each as soon as what it waits for is done. */
export function runTransition(cib: Element, graph: TransitionGraph, options: RunOptions): RunResult {
  const lines: string[] = [];
  const done = new Set<number>();
  const failed = new Set<number>();
  let current = cib;
  let waiting = [...graph.synapses];
  let fired = true;
  let aborted = false;
  while (fired) {
    fired = false;
    const rest: typeof waiting = [];
    for (const synapse of waiting) {
      const ready = synapse.inputs.every((id) => done.has(id) && !failed.has(id));
      const held = aborted && synapse.action.kind !== "pseudo" && synapse.priority < 1_000_000;
      if (!ready || held) {
        rest.push(synapse);
        continue;
      }
      fired = true;
      const outcome = runAction(current, synapse.action, options, lines);
      current = outcome.cib;
      done.add(synapse.action.id);
      if (outcome.failed) {
        failed.add(synapse.action.id);
        aborted = true;
      }
    }
    waiting = rest;
  }
  return { lines, cib: current, complete: waiting.length === 0 || aborted };
}

interface Outcome {
  readonly cib: Element;
  readonly failed: boolean;
}

function runAction(cib: Element, action: GraphAction, options: RunOptions, lines: string[]): Outcome {
  const { node, operation } = action;
  if (action.kind === "pseudo") {
    lines.push(`Pseudo action:   ${action.operationKey}${node === undefined ? "" : ` on ${node}`}`);
  } else if (action.kind === "resource") {
    return runOperation(cib, action, options, lines);
  } else if (operation === "stonith") {
    const how = action.attributes["CRM_meta_stonith_action"];
    lines.push(`Fencing ${node} (${how})`);
    if (how !== "on" && node !== undefined) return { cib: fenceNode(cib, node, action.nodeId ?? node), failed: false };
  } else {
    const about = action.primitive === undefined ? "" : ` for ${action.primitive.id}`;
    lines.push(`Cluster action:  ${operation}${about} on ${node}`);
  }
  return { cib, failed: false };
}

function operationLine(resource: string, operation: string, intervalMs: number, node: string | undefined): string {
  const what = intervalMs > 0 ? `${operation}=${intervalMs}` : operation;
  return `Resource action: ${resource.padEnd(15)} ${what} on ${node}`;
}

function runOperation(cib: Element, action: GraphAction, options: RunOptions, lines: string[]): Outcome {
  const { primitive, operation, node } = action;
  if (primitive === undefined || node === undefined) return { cib, failed: false };
  const known = options.knows(primitive.id) || primitive.longId === undefined || !options.knows(primitive.longId);
  const resource = known ? primitive.id : (primitive.longId ?? primitive.id);
  if (operation === "delete" || operation === "meta-data") {
    lines.push(operationLine(resource, operation, 0, node));
    return { cib, failed: false };
  }
  const intervalMs = leadingInteger(action.attributes["CRM_meta_interval"] ?? "") ?? 0;
  lines.push(operationLine(resource, operation, intervalMs, node));
  const target = leadingInteger(action.attributes["CRM_meta_op_target_rc"] ?? "") ?? 0;
  const pretended =
    options.failures?.get(`${operationKey(resource, operation, intervalMs)}@${node}`) ??
    options.failures?.get(`${operationKey(primitive.id, operation, intervalMs)}@${node}`);
  const result = pretended ?? target;
  const nodeId = action.routerNode === undefined ? (action.nodeId ?? node) : node;
  const changed = updateNodeState(cib, node, nodeId, (state) =>
    updateHistory(state, action, resource, (entry) =>
      addOperation(entry, action, { intervalMs, target, result, options }),
    ),
  );
  if (pretended !== undefined) lines.push(`Pretending action ${action.id} failed with rc=${pretended}`);
  return { cib: changed, failed: pretended !== undefined && result !== target };
}

/** Replaces the child that fits, or appends one. */
function replaceChild(
  parent: Element,
  fits: (child: Element) => boolean,
  fresh: () => Element,
  change: (child: Element) => Element,
): Element {
  const index = parent.children.findIndex(fits);
  const children = [...parent.children];
  const old = children[index];
  if (old === undefined) children.push(change(fresh()));
  else children[index] = change(old);
  return withChildren(parent, children);
}

function updateNodeState(cib: Element, name: string, id: string, change: (state: Element) => Element): Element {
  return replaceChild(
    cib,
    (child) => child.name === "status",
    () => element("status"),
    (status) => {
      const isState = (child: Element) => child.name === "node_state";
      const byName = status.children.some((child) => isState(child) && child.attributes["uname"] === name);
      return replaceChild(
        status,
        (child) => isState(child) && (byName ? child.attributes["uname"] === name : child.attributes["id"] === id),
        () => element("node_state", { id, uname: name }),
        (state) => change(withAttributes(state, { uname: name })),
      );
    },
  );
}

/** The node is down and clean, and whatever was there is gone. */
export function fenceNode(cib: Element, name: string, id: string): Element {
  return updateNodeState(cib, name, id, (state) => {
    const kept = state.children.filter((child) => child.name !== "lrm" && child.name !== "transient_attributes");
    const down = { in_ccm: "false", crmd: "offline", join: "down", expected: "down" };
    return withChildren(withAttributes(state, down), kept);
  });
}

function updateHistory(
  state: Element,
  action: GraphAction,
  resource: string,
  change: (entry: Element) => Element,
): Element {
  const { primitive } = action;
  const wrap = (name: string, inner: (child: Element) => Element) => (parent: Element) =>
    replaceChild(
      parent,
      (child) => child.name === name,
      () => element(name, name === "lrm" ? { id: state.attributes["id"] } : {}),
      inner,
    );
  return wrap(
    "lrm",
    wrap("lrm_resources", (list) => {
      const ids = [resource, primitive?.id];
      // An entry that is there twice is nobody's: the operation gets one of its own.
      const found = ids.find((id) => list.children.filter((child) => child.attributes["id"] === id).length === 1);
      return replaceChild(
        list,
        (child) => child.name === "lrm_resource" && found !== undefined && child.attributes["id"] === found,
        () =>
          element("lrm_resource", {
            id: primitive?.id,
            class: primitive?.class,
            provider: primitive?.provider,
            type: primitive?.type,
          }),
        change,
      );
    }),
  )(state);
}

interface Ran {
  readonly intervalMs: number;
  readonly target: number;
  readonly result: number;
  readonly options: RunOptions;
}

function addOperation(entry: Element, action: GraphAction, ran: Ran): Element {
  const { intervalMs, target, result, options } = ran;
  const resource = action.primitive?.id ?? "";
  const task = action.operation.startsWith("reload") ? "start" : action.operation;
  const key = operationKey(resource, task, intervalMs);
  const calls = entry.children.map((child) => leadingInteger(child.attributes["call-id"] ?? "") ?? 0);
  const callId = Math.max(0, ...calls) + 1;
  const transition = { action: callId, transition: -1, expectedResult: target, coordinator: FAKE_COORDINATOR };
  const migrates = task === "migrate_to" || task === "migrate_from";
  const { attributes } = action;
  const fresh: Record<string, string | undefined> = {
    operation_key: key,
    operation: task,
    "crm-debug-origin": "systole simulate",
    crm_feature_set: FEATURE_SET,
    "transition-key": formatTransitionKey(transition),
    "transition-magic": formatTransitionMagic({ status: 0, result, key: transition }),
    "exit-reason": "",
    on_node: action.node,
    "call-id": String(callId),
    "rc-code": String(result),
    "op-status": "0",
    interval: String(intervalMs),
    "last-rc-change": String(options.nowEpochSeconds),
    "exec-time": "0",
    "queue-time": "0",
    "op-digest": options.md5Hex(digestText(filterForDigest(new Map(Object.entries(attributes))))),
    ...(migrates
      ? { migrate_source: attributes["CRM_meta_migrate_source"], migrate_target: attributes["CRM_meta_migrate_target"] }
      : {}),
  };
  let changed = entry;
  for (const id of historyIds(action, resource, key, intervalMs, result !== target)) {
    changed = replaceChild(
      changed,
      (child) => child.name === "lrm_rsc_op" && child.attributes["id"] === id,
      () => element("lrm_rsc_op", { id }),
      (operation) => withAttributes(operation, fresh),
    );
  }
  return changed;
}

/** Under which ids the history keeps an operation. */
function historyIds(action: GraphAction, resource: string, key: string, intervalMs: number, failed: boolean): string[] {
  const { operation, attributes } = action;
  if (operation === "notify") {
    return [
      notifyKey(resource, attributes["CRM_meta_notify_type"] ?? "", attributes["CRM_meta_notify_operation"] ?? ""),
    ];
  }
  if (operation === "migrate_to" || operation === "migrate_from") return [key];
  if (failed) return [`${resource}_last_failure_0`, ...(intervalMs === 0 ? [`${resource}_last_0`] : [])];
  return [intervalMs > 0 ? key : `${resource}_last_0`];
}
