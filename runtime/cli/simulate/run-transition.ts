// Pretending that a transition runs, and everything goes as wanted but for what is to fail: what each action does to the
// status section.

import { type Element, withAttributes } from "../../kernel/cib/element.ts";
import { leadingInteger } from "../../model/score.ts";
import { operationKey } from "../../services/scheduler/operation-key.ts";
import type { GraphAction, Synapse, TransitionGraph } from "../../services/transition.ts";
import {
  attributeLine,
  countFailure,
  editHistory,
  type FakeResult,
  historyIdOf,
  historyObjection,
  withResult,
} from "./history-edit.ts";
import type { OperationSpec } from "./inject.ts";
import {
  editNodeState,
  findNodeState,
  NODE_DOWN,
  type NodeStateOptions,
  withNodeState,
  withoutHistory,
} from "./status-edit.ts";

/** A synapse of this priority runs whatever happened before. */
const ALWAYS = 1_000_000;

/** What the pretending needs to know. */
export interface RunOptions {
  readonly nowEpochSeconds: number;
  readonly md5Hex: (text: string) => string;
  /** Whether a resource is known under an id. */
  readonly knows: (id: string) => boolean;
  /** Operations that are to fail. */
  readonly failures: readonly OperationSpec[];
  /** One failed start is as bad as infinitely many (a failed stop always is). */
  readonly startFailureFatal: boolean;
  /** Put nodes into the configuration that are not in it. */
  readonly createNodes: boolean;
}

/** One line of what happened: an item of the list of actions, or a remark between them. */
export interface RunLine {
  readonly kind: "item" | "remark" | "error";
  readonly text: string;
}

/** How a transition went. */
export interface RunResult {
  readonly lines: readonly RunLine[];
  readonly cib: Element;
  /** Nothing was left that waits for something that never comes. */
  readonly complete: boolean;
  /** Those of the failures that no action met. */
  readonly unmet: readonly OperationSpec[];
}

/** What goes on while a transition runs. */
class Run {
  readonly lines: RunLine[] = [];
  readonly done = new Set<number>();
  readonly failed = new Set<number>();
  readonly met = new Set<OperationSpec>();
  readonly options: RunOptions;
  cib: Element;

  constructor(cib: Element, options: RunOptions) {
    this.cib = cib;
    this.options = options;
  }

  say(kind: RunLine["kind"], text: string): void {
    this.lines.push({ kind, text });
  }
}

/** Runs all actions, each as soon as what it waits for is done. */
export function runTransition(cib: Element, graph: TransitionGraph, options: RunOptions): RunResult {
  const run = new Run(cib, options);
  let waiting = [...graph.synapses];
  let fired = true;
  while (fired) {
    fired = false;
    const rest: typeof waiting = [];
    for (const synapse of waiting) {
      if (!mayRun(run, synapse)) {
        rest.push(synapse);
        continue;
      }
      fired = true;
      if (!runAction(run, synapse.action)) run.failed.add(synapse.action.id);
      run.done.add(synapse.action.id);
    }
    waiting = rest;
  }
  return {
    lines: run.lines,
    cib: run.cib,
    complete: (waiting.length === 0 && graph.never === undefined) || run.failed.size > 0,
    unmet: options.failures.filter((failure) => !run.met.has(failure)),
  };
}

/** After a failure, only points of the plan and what must always run are gone on with. */
function mayRun(run: Run, synapse: Synapse): boolean {
  const always = synapse.priority >= ALWAYS;
  if (!synapse.inputs.every((id) => run.done.has(id) && (always || !run.failed.has(id)))) return false;
  return run.failed.size === 0 || always || synapse.action.kind === "pseudo";
}

/** Runs an action; false when it fails. */
function runAction(run: Run, action: GraphAction): boolean {
  const { node, operation } = action;
  if (action.kind === "pseudo") {
    run.say("item", `Pseudo action:   ${action.operationKey}${node === undefined ? "" : ` on ${node}`}`);
  } else if (action.kind === "resource") {
    return runOperation(run, action);
  } else if (operation === "stonith") {
    const how = action.attributes["CRM_meta_stonith_action"];
    run.say("item", `Fencing ${node} (${how})`);
    const { createNodes } = run.options;
    if (how !== "on" && node !== undefined)
      run.cib = fenceNode(run.cib, node, { id: action.nodeId ?? node, createNodes });
  } else {
    const about = action.primitive === undefined ? "" : ` for ${action.primitive.id}`;
    run.say("item", `Cluster action:  ${operation}${about} on ${node}`);
  }
  return true;
}

/** The node is down and clean, and whatever was there is gone. */
function fenceNode(cib: Element, name: string, options: NodeStateOptions): Element {
  const present = withNodeState(cib, name, options) ?? cib;
  const origin = { "crm-debug-origin": "systole simulate" };
  const down = editNodeState(present, name, (state) => withAttributes(state, { ...NODE_DOWN, ...origin }));
  return withoutHistory(down, name);
}

function operationLine(resource: string, operation: string, intervalMs: number, node: string | undefined): string {
  const what = intervalMs > 0 ? `${operation}=${intervalMs}` : operation;
  return `Resource action: ${resource.padEnd(15)} ${what} on ${node}`;
}

function runOperation(run: Run, action: GraphAction): boolean {
  const { options } = run;
  const { primitive, operation, node } = action;
  if (primitive === undefined || node === undefined) return true;
  const known = options.knows(primitive.id) || primitive.longId === undefined || !options.knows(primitive.longId);
  const resource = known ? primitive.id : (primitive.longId ?? primitive.id);
  if (operation === "delete" || operation === "meta-data") {
    run.say("item", operationLine(resource, operation, 0, node));
    return true;
  }
  const intervalMs = leadingInteger(action.attributes["CRM_meta_interval"] ?? "") ?? 0;
  const target = leadingInteger(action.attributes["CRM_meta_op_target_rc"] ?? "") ?? 0;
  const id = action.routerNode === undefined ? (action.nodeId ?? node) : node;
  run.cib = withNodeState(run.cib, node, { id, createNodes: options.createNodes }) ?? run.cib;
  const ids = [resource, primitive.id];
  const state = findNodeState(run.cib, node);
  if (state === undefined) return true;
  const objection = historyIdOf(state, ids) === undefined ? historyObjection(resource, state, primitive) : undefined;
  if (objection !== undefined) {
    run.say("error", objection);
    return false;
  }
  run.say("item", operationLine(resource, operation, intervalMs, node));
  const failure = failureFor(run, ids, operation, intervalMs, node);
  const result = failure?.spec.result ?? target;
  const ran: FakeResult = {
    ...{ operation, intervalMs, target, result, node, attributes: action.attributes },
    ...{ exitReason: "User-injected result", nowEpochSeconds: options.nowEpochSeconds, md5Hex: options.md5Hex },
  };
  let counted = state;
  if (failure !== undefined) {
    run.met.add(failure.spec);
    run.say("remark", `Pretending action ${action.id} failed with rc=${result}`);
    counted = countRunFailure(run, state, failure.resource, ran);
  }
  const recorded = editHistory(counted, ids, primitive, (entry) => withResult(entry, primitive.id, ran));
  run.cib = editNodeState(run.cib, node, () => recorded);
  return failure === undefined;
}

interface Failure {
  readonly spec: OperationSpec;
  /** The id under which the spec names the resource. */
  readonly resource: string;
}

/** The first spec that means an operation, by one of the ids of its resource. Case is no difference. */
function failureFor(
  run: Run,
  ids: readonly string[],
  operation: string,
  intervalMs: number,
  node: string,
): Failure | undefined {
  for (const spec of run.options.failures) {
    const text = spec.text.toLowerCase();
    const means = (id: string) => text.startsWith(`${operationKey(id, operation, intervalMs)}@${node}=`.toLowerCase());
    const resource = ids.find(means);
    if (resource !== undefined) return { spec, resource };
  }
  return undefined;
}

/** Counts a failure while the transition runs, and tells of it. */
function countRunFailure(run: Run, state: Element, resource: string, ran: FakeResult): Element {
  const fatal = ran.operation === "stop" || (ran.operation === "start" && run.options.startFailureFatal);
  const counted = countFailure(state, resource, ran, fatal);
  for (const attribute of counted.attributes) run.say("item", attributeLine(state, attribute));
  return counted.state;
}
