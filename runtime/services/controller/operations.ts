// From an action of the graph to an operation for an executor: parameters apart from meta attributes, and the transition key.

import { parseIntervalMs } from "../../model/duration.ts";
import type { Operation } from "../messages.ts";
import { formatTransitionKey, operationKey } from "../scheduler/operation-key.ts";
import { attributesOnNode, type GraphAction } from "../transition.ts";

const META = "CRM_meta_";
/** Told to scripts, not a parameter of the agent. */
const FEATURE_SET = "crm_feature_set";

/** A meta attribute of an action, by its plain name with underscores. */
export function metaOf(action: GraphAction, name: string): string | undefined {
  return action.attributes[`${META}${name}`];
}

/** The result that counts as success. */
export function targetRcOf(action: GraphAction): number {
  return Number(metaOf(action, "op_target_rc") ?? 0);
}

/** Interval of an action, 0 for one that runs once. */
export function intervalOf(action: GraphAction): number {
  return Number(metaOf(action, "interval") ?? 0);
}

/** The operation that carries out a resource action. Only for actions with a primitive. */
export function operationOf(action: GraphAction, transition: number, runId: string): Operation | undefined {
  const { primitive } = action;
  if (primitive === undefined) return undefined;
  const parameters: Record<string, string> = {};
  const meta: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributesOnNode(action))) {
    if (name.startsWith(META)) meta[name.slice(META.length)] = value;
    else if (name !== FEATURE_SET) parameters[name] = value;
  }
  return {
    transitionKey: formatTransitionKey({
      action: action.id,
      transition,
      expectedResult: targetRcOf(action),
      coordinator: runId,
    }),
    // The graph may have the number of a clone's instance in it, which changes from plan to plan.
    operationKey: operationKey(primitive.id, action.operation, intervalOf(action)),
    resource: {
      id: primitive.id,
      class: primitive.class,
      ...(primitive.provider === undefined ? {} : { provider: primitive.provider }),
      type: primitive.type,
    },
    action: action.operation,
    intervalMs: intervalOf(action),
    timeoutMs: Number(meta["timeout"] ?? 0),
    startDelayMs: parseIntervalMs(delayText(meta["start_delay"])),
    parameters,
    meta,
  };
}

/** start_delay stands in milliseconds in the graph, without a unit. */
function delayText(text: string | undefined): string | undefined {
  return text !== undefined && /^\d+$/.test(text) ? `${text}ms` : text;
}

/** The same thing with the same parameters: one that runs already can stand for one that is wanted. */
export function sameOperation(one: Operation, other: Operation): boolean {
  // Notifications differ in what they tell.
  if (one.action === "notify" || one.operationKey !== other.operationKey || one.action !== other.action) return false;
  if (one.resource.id !== other.resource.id || one.timeoutMs !== other.timeoutMs) return false;
  const names = Object.keys(one.parameters);
  if (names.length !== Object.keys(other.parameters).length) return false;
  return names.every((name) => one.parameters[name] === other.parameters[name]);
}

/** A look at whether a resource runs somewhere. */
export function isProbe(action: GraphAction): boolean {
  return action.kind === "resource" && action.operation === "monitor" && intervalOf(action) === 0;
}
