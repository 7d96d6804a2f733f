// What holds of every plan. Each law gives the sentences that say where it is broken; none when it holds.

import { md5Hex } from "../../../runtime/host/md5.ts";
import type { Element } from "../../../runtime/kernel/cib/element.ts";
import { type Schedule, schedule } from "../../../runtime/services/scheduler/schedule.ts";
import type { GraphAction, Synapse } from "../../../runtime/services/transition.ts";
import { inOrder, runPlan } from "./effects.ts";

function describe({ operation, operationKey, internalOperationKey, node }: GraphAction): string {
  return `${operation} ${internalOperationKey ?? operationKey}${node === undefined ? "" : ` on ${node}`}`;
}

/** All that is waited for is in the graph, each action is there once, and there is an order in which everything can be done. */
export function orderFaults({ graph }: Schedule): string[] {
  const faults: string[] = [];
  const ids = new Set<number>();
  for (const { action } of graph.synapses) {
    if (ids.has(action.id)) faults.push(`action ${action.id} is there twice`);
    ids.add(action.id);
  }
  for (const { action, inputs } of graph.synapses) {
    for (const input of inputs) {
      if (!ids.has(input)) faults.push(`${describe(action)} waits for action ${input}, which is not in the graph`);
    }
  }
  const ordered = inOrder(graph.synapses).length;
  if (ordered < graph.synapses.length) faults.push(`${graph.synapses.length - ordered} actions wait for each other`);
  return faults;
}

function ancestorsOf(synapse: Synapse, byId: ReadonlyMap<number, Synapse>): Set<Synapse> {
  const found = new Set<Synapse>();
  const visit = (at: Synapse): void => {
    for (const input of at.inputs) {
      const before = byId.get(input);
      if (before === undefined || found.has(before)) continue;
      found.add(before);
      visit(before);
    }
  };
  visit(synapse);
  return found;
}

/** Whether an action takes an instance away from a node. */
function takesAway(action: GraphAction, instance: string, node: string): boolean {
  if (action.operation === "stonith")
    return action.node === node && action.attributes["CRM_meta_stonith_action"] !== "on";
  if (action.operation !== "stop" || (action.internalOperationKey ?? action.operationKey) !== `${instance}_stop_0`)
    return false;
  return action.kind === "pseudo" || action.node === node;
}

/** No instance starts on a node before it was stopped, or cut off, everywhere else. */
export function doubleStartFaults({ graph, placements }: Schedule): string[] {
  const faults: string[] = [];
  const byId = new Map(graph.synapses.map((synapse) => [synapse.action.id, synapse]));
  const starts = new Map<string, Synapse[]>();
  for (const synapse of graph.synapses) {
    const { action } = synapse;
    if (action.operation !== "start" || action.kind !== "resource") continue;
    const key = action.internalOperationKey ?? action.operationKey;
    starts.set(key, [...(starts.get(key) ?? []), synapse]);
  }
  for (const { resource, activeOn } of placements) {
    const mine = starts.get(`${resource}_start_0`) ?? [];
    if (mine.length > 1) faults.push(`${resource} is started ${mine.length} times`);
    for (const start of mine) {
      const before = [...ancestorsOf(start, byId)];
      for (const node of activeOn) {
        // Where it is half started already, it is started once more.
        if (node === start.action.node) continue;
        if (!before.some(({ action }) => takesAway(action, resource, node))) {
          faults.push(`${describe(start.action)} does not wait until it is stopped on ${node}`);
        }
      }
    }
  }
  return faults;
}

/** Rounds after which a plan that changes nothing any more must be there. */
const MAX_ROUNDS = 8;

/** How the rounds after a plan went. */
export interface Outcome {
  readonly rounds: number;
  /** What is still to be done by somebody after the last round. */
  readonly left: readonly GraphAction[];
  /** The plan that it is part of. */
  readonly plan: Schedule;
}

/**
 * What somebody has to do. Points of the plan (that the load of a node went, that a clone is started) stay in plans in which
 * nothing is left to do, and so do announcements to instances (notify) of something that then does not come.
 */
function deeds({ graph }: Schedule): GraphAction[] {
  const actions = graph.synapses.map((synapse) => synapse.action);
  return actions.filter(({ kind, operation }) => kind !== "pseudo" && operation !== "notify");
}

/** Runs plans until nothing is left to do. */
export function settle(cib: Element, nowEpochSeconds: number): Outcome {
  let current = cib;
  let now = nowEpochSeconds;
  let plan = schedule(current, { nowEpochSeconds: now, md5Hex });
  let rounds = 0;
  for (; rounds < MAX_ROUNDS && deeds(plan).length > 0; rounds += 1) {
    current = runPlan(current, plan, now, new Map());
    now += 1;
    plan = schedule(current, { nowEpochSeconds: now, md5Hex });
  }
  return { rounds, left: deeds(plan), plan };
}

/** Why actions are planned again and again, although each of them succeeds. */
const REASONS: readonly (readonly [string, (outcome: Outcome, lines: readonly string[]) => boolean])[] = [
  ["orders contradict each other", ({ plan }) => plan.problems.some(({ code }) => PLAN_CUT.has(code))],
  [
    "a monitor of stopped instances, or a probe of one that is not managed, leaves nothing in the history of the instance",
    ({ left }) => left.every(({ operation }) => operation === "monitor"),
  ],
  [
    "members of a cloned group that need not be together make more instances on a node than clone-node-max",
    (_outcome, lines) => lines.some((line) => line.startsWith("group") && line.includes("collocated=false")),
  ],
  [
    "of two instances of an anonymous clone, which share their history on a node, one is stopped and one started there",
    ({ left }) => {
      const places = (wanted: string) =>
        left.flatMap(({ operation, primitive, node }) => (operation === wanted ? [`${primitive?.id} ${node}`] : []));
      return places("stop").some((place) => places("start").includes(place));
    },
  ],
  [
    "what runs in guests and containers is stopped for a restart of them that does not come",
    (_outcome, lines) => lines.some((line) => line.startsWith("bundle") || line.includes("remote-node=")),
  ],
];

const PLAN_CUT = new Set(["order-circle", "waits-for-nothing"]);

/** The first reason that fits, of those for which Pacemaker does the same. */
export function reasonLeft(outcome: Outcome, lines: readonly string[]): string | undefined {
  return REASONS.find(([, fits]) => fits(outcome, lines))?.[0];
}
