// What a plan does to the status when it runs in a real cluster, beyond the results of operations: nodes that leave, histories and
// fail counts that are cleared, monitors that are cancelled, nodes that are let in again.

import { runTransition } from "../../../runtime/cli/simulate/run-transition.ts";
import { md5Hex } from "../../../runtime/host/md5.ts";
import { type Element, element, withAttributes, withChildren } from "../../../runtime/kernel/cib/element.ts";
import { operationKey } from "../../../runtime/services/scheduler/operation-key.ts";
import type { Schedule } from "../../../runtime/services/scheduler/schedule.ts";
import type { GraphAction, Synapse } from "../../../runtime/services/transition.ts";

/** Changes the status section. */
export function changeStatus(cib: Element, change: (status: Element) => Element): Element {
  return withChildren(
    cib,
    cib.children.map((child) => (child.name === "status" ? change(child) : child)),
  );
}

/** Changes the state of a node, by its name. */
export function changeState(cib: Element, node: string, change: (state: Element) => Element): Element {
  return changeStatus(cib, (status) => {
    const fits = (child: Element) => child.name === "node_state" && child.attributes["uname"] === node;
    const fresh = status.children.some(fits) ? [] : [element("node_state", { id: node, uname: node })];
    return withChildren(
      status,
      [...status.children, ...fresh].map((child) => (fits(child) ? change(child) : child)),
    );
  });
}

/** Sets a transient attribute of a node; undefined removes it. */
export function setAttribute(cib: Element, node: string, name: string, value: string | undefined): Element {
  return changeState(cib, node, (state) => {
    const old = state.children.find((child) => child.name === "transient_attributes");
    const pairs = (old?.children[0]?.children ?? []).filter((pair) => pair.attributes["name"] !== name);
    const id = `status-${node}-${name.replaceAll(/[^\w.-]/g, "_")}`;
    if (value !== undefined) pairs.push(element("nvpair", { id, name, value }));
    const block = element("instance_attributes", { id: `status-${node}` }, pairs);
    const fresh = element("transient_attributes", { id: node }, [block]);
    return withChildren(state, [...state.children.filter((child) => child !== old), fresh]);
  });
}

function attributesOf(cib: Element, node: string): Element[] {
  const status = cib.children.find((child) => child.name === "status");
  const state = status?.children.find((child) => child.attributes["uname"] === node);
  const transient = state?.children.find((child) => child.name === "transient_attributes");
  return [...(transient?.children[0]?.children ?? [])];
}

/** Forgets the history of a resource on a node, or of it those operations that one asks to. */
function forget(cib: Element, node: string, resource: string, which?: (operation: Element) => boolean): Element {
  const prune = (part: Element): Element => {
    const kept = part.children.filter((child) => {
      if (child.name === "lrm_resource" && which === undefined) return child.attributes["id"] !== resource;
      if (child.name !== "lrm_rsc_op" || which === undefined) return true;
      return part.attributes["id"] !== resource || !which(child);
    });
    return withChildren(
      part,
      kept.map((child) => (child.name.startsWith("lrm") ? prune(child) : child)),
    );
  };
  return changeState(cib, node, prune);
}

function historyName(action: GraphAction): string {
  return action.primitive?.id ?? "";
}

function applyAction(cib: Element, action: GraphAction, nowEpochSeconds: number): Element {
  const { operation, node } = action;
  if (node === undefined) return cib;
  const resource = historyName(action);
  switch (operation) {
    case "clear_failcount": {
      const named = new RegExp(`^(fail-count|last-failure)-${resource.split(":")[0]}(:\\d+)?#`);
      let cleared = cib;
      for (const { attributes } of attributesOf(cib, node)) {
        const name = attributes["name"] ?? "";
        if (named.test(name)) cleared = setAttribute(cleared, node, name, undefined);
      }
      return forget(cleared, node, resource, ({ attributes }) => (attributes["id"] ?? "").endsWith("_last_failure_0"));
    }
    case "delete":
      return forget(cib, node, resource);
    case "cancel": {
      const { attributes } = action;
      const key = operationKey(
        resource,
        attributes["CRM_meta_operation"] ?? "monitor",
        Number(attributes["CRM_meta_interval"] ?? 0),
      );
      return forget(cib, node, resource, (operation) => operation.attributes["operation_key"] === key);
    }
    case "do_shutdown":
      return changeState(setAttribute(cib, node, "shutdown", undefined), node, (state) =>
        withChildren(
          withAttributes(state, { in_ccm: "false", crmd: "offline", join: "down", expected: "down" }),
          state.children.filter((child) => child.name !== "transient_attributes"),
        ),
      );
    case "stonith": {
      if (action.attributes["CRM_meta_stonith_action"] !== "on") return cib;
      let unfenced = setAttribute(cib, node, "#node-unfenced", String(nowEpochSeconds));
      for (const kind of ["all", "secure"]) {
        unfenced = setAttribute(unfenced, node, `#digests-${kind}`, action.attributes[`CRM_meta_digests_${kind}`]);
      }
      return unfenced;
    }
    default:
      return cib;
  }
}

/** Which of a plan's operations fail, and with what result. */
export type Failures = ReadonlyMap<GraphAction, number>;

/** Lets a plan run; what fails stops the rest that is not urgent. */
export function runPlan(cib: Element, schedule: Schedule, nowEpochSeconds: number, failures: Failures): Element {
  const specs = [...failures].map(([{ primitive, operation, node, attributes }, result]) => ({
    text: operation,
    resource: primitive?.id ?? "",
    operation,
    intervalMs: Number(attributes["CRM_meta_interval"] ?? 0),
    node: node ?? "",
    result,
  }));
  const ids = new Set(schedule.placements.map((placement) => placement.resource));
  const knows = (id: string) => ids.has(id);
  const options = { nowEpochSeconds, md5Hex, knows, failures: specs, startFailureFatal: true, createNodes: false };
  let { cib: after } = runTransition(cib, schedule.graph, options);
  for (const { action } of inOrder(schedule.graph.synapses)) after = applyAction(after, action, nowEpochSeconds);
  return after;
}

/** Actions after their inputs. */
export function inOrder(synapses: readonly Synapse[]): Synapse[] {
  const known = new Set(synapses.map((synapse) => synapse.action.id));
  const done = new Set<number>();
  const list: Synapse[] = [];
  let waiting = [...synapses];
  while (waiting.length > 0) {
    const rest = waiting.filter((synapse) => {
      if (!synapse.inputs.every((id) => done.has(id) || !known.has(id))) return true;
      done.add(synapse.action.id);
      list.push(synapse);
      return false;
    });
    if (rest.length === waiting.length) break;
    waiting = rest;
  }
  return list;
}
