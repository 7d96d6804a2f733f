// Why an action is needed or impossible that another action makes so: by order, by colocation, or because they belong together.

import { hasFlag } from "../action.ts";
import { newestAction } from "../find-actions.ts";
import { type Action, type Cluster, Flag, Needs, type Node, type Resource, Role, Variant } from "../state.ts";
import { currentNode, topResource } from "../tree.ts";
import { type Effect, layers, type Origin, partsOf, plainTask, primitiveAction } from "./action-notes.ts";
import { unmanagedWhy, whyNowhere } from "./nowhere.ts";
import { idText, propertyElement } from "./option-elements.ts";
import { nodeReason, type Reason } from "./reason.ts";
import type { Recorder } from "./recorder.ts";

/** Causes of causes are followed so far. */
const MAX_DEPTH = 6;

const CANNOT: Readonly<Record<string, string>> = {
  start: "cannot start",
  stop: "cannot stop",
  promote: "cannot be promoted",
  demote: "cannot be demoted",
  monitor: "cannot be probed",
};

const DOES: Readonly<Record<string, string>> = {
  promote: "is promoted",
  demote: "is demoted",
  stop: "stops",
  monitor: "is probed",
};

/** What happens to a resource, in a word or three. */
function happening(resource: Resource, action: Action): string {
  const task = plainTask(action.task);
  const [current, assigned] = [currentNode(resource), resource.assigned];
  if (resource.variant !== Variant.Primitive || (task !== "start" && task !== "stop")) return DOES[task] ?? "starts";
  if (assigned === undefined || resource.nextRole === Role.Stopped) return "stops";
  if (current === undefined) return `starts on ${assigned.name}`;
  return current === assigned ? "restarts" : `moves to ${assigned.name}`;
}

/** "db, on which it depends (order db-then-web)," and what it is to the resource that asks. */
function partner(recorder: Recorder, asking: Action, other: Resource, origin: Origin): string {
  const ids = origin.constraints.map((id) => `${recorder.actions.kindOf(id)} ${id}`).join(", ");
  if (ids !== "") return `${other.id}, on which it depends (${ids}),`;
  const mine = layers(asking.resource).slice(1);
  const group = layers(other)
    .slice(1)
    .find((part) => mine.includes(part));
  if (group?.variant === Variant.Group) {
    const before = group.children.findIndex((part) => part === other || part.children.includes(other));
    const own = asking.resource === undefined ? -1 : group.children.indexOf(asking.resource);
    return `${other.id}, which stands ${before < own ? "before" : "behind"} it in the group ${group.configId},`;
  }
  if (asking.resource?.launcher === other) return `${other.id}, in which it runs,`;
  if (group !== undefined) return `${other.id}, another part of ${group.id},`;
  const bundle = topResource(other);
  if (asking.resource !== undefined && topResource(asking.resource) === bundle)
    return `${other.id}, a part of ${bundle.id},`;
  return `${other.id}, which it needs,`;
}

/** The reason that lies in another action; undefined when there is none. */
export function dependencyReason(
  cluster: Cluster,
  recorder: Recorder,
  action: Action,
  effect: Effect,
  causeOf: (action: Action) => Reason | undefined,
): Reason | undefined {
  const origin = recorder.actions.originOf(action, effect);
  if (origin === undefined) return undefined;
  const { from, colocated } = origin;
  const [constraint] = origin.constraints;
  const named = { ...(constraint === undefined ? {} : { constraint }) };
  if (from.resource === undefined) return fencingDependency(cluster, recorder, from, effect, causeOf);
  const impossible = effect === "impossible" || !hasFlag(from, Flag.Runnable);
  const deepest = primitiveAction(from, impossible ? "impossible" : "needed");
  const because = impossible ? impossibleWhy(cluster, recorder, deepest) : causeOf(deepest);
  const other = from.resource;
  const task = plainTask(from.task);
  const cannot = CANNOT[task] ?? "cannot run";
  const text = colocated
    ? `it must be with ${other.id}, which ${cannot} (colocation ${constraint})`
    : `${partner(recorder, action, other, origin)} ${impossible ? cannot : happening(other, from)}`;
  const code = colocated ? "colocation-blocked" : impossible ? "dependency-blocked" : "dependency";
  const list = because === undefined ? [] : Array.isArray(because) ? because : [because];
  return {
    code,
    text,
    resource: other.id,
    ...named,
    ...(list.length === 0 ? {} : { because: inner(other, deepest.resource, list) }),
  };
}

/** Reasons speak of "it": where that is a part of what was named, it is said which. */
function inner(named: Resource, part: Resource | undefined, reasons: readonly Reason[]): Reason[] {
  if (part === undefined || part === named) return [...reasons];
  return reasons.map((reason) => ({ ...reason, text: `${part.id}: ${reason.text}` }));
}

function fencingDependency(
  cluster: Cluster,
  recorder: Recorder,
  from: Action,
  effect: Effect,
  causeOf: (action: Action) => Reason | undefined,
): Reason {
  const name = from.node?.name ?? "a node";
  const about = { node: name };
  if (from.task === "do_shutdown") return { code: "shutdown-requested", text: `${name} leaves the cluster`, ...about };
  if (effect === "impossible" || !hasFlag(from, Flag.Runnable)) {
    return {
      code: "fencing-impossible",
      text: `${name} cannot be fenced`,
      ...about,
      because: impossibleWhy(cluster, recorder, from),
    };
  }
  const cause = causeOf(from);
  return {
    code: "fencing",
    text: `${name} is fenced or unfenced before`,
    ...about,
    ...(cause === undefined ? {} : { because: [cause] }),
  };
}

/** Why an action that would be needed cannot be done. Never empty. */
export function impossibleWhy(cluster: Cluster, recorder: Recorder, action: Action, depth = 0): Reason[] {
  const known = recorder.impossible.get(action);
  if (known !== undefined) return known;
  // What comes back to this action on the way has nothing to add.
  recorder.impossible.set(action, [{ code: "circular", text: "each waits for the other" }]);
  const found = findImpossible(cluster, recorder, action, depth);
  recorder.impossible.set(action, found);
  return found;
}

function findImpossible(cluster: Cluster, recorder: Recorder, action: Action, depth: number): Reason[] {
  const { resource, node } = action;
  const task = plainTask(action.task);
  if (resource === undefined) return [fencingImpossible(cluster, node)];
  if (resource.variant !== Variant.Primitive) {
    return partsBlocked(cluster, recorder, resource);
  }
  if (task === "stop" || task === "demote") {
    const frozen = resource.managed ? [] : unmanagedWhy(cluster, resource);
    if (frozen.length > 0) return frozen;
  } else if (resource.assigned === undefined || resource.nextRole === Role.Stopped) {
    return whyNowhere(cluster, recorder, resource);
  }
  const unusable = node === undefined ? undefined : nodeReason(cluster, node);
  if (unusable !== undefined) return [unusable];
  if (lacksQuorum(cluster) && action.needs !== Needs.Nothing && /quorum/.test(action.reason ?? ""))
    return [noQuorum(cluster)];
  const other =
    depth < MAX_DEPTH
      ? dependencyReason(cluster, recorder, action, "impossible", (from) => {
          const [first] = impossibleWhy(cluster, recorder, from, depth + 1);
          return first;
        })
      : undefined;
  if (other !== undefined) return [other];
  if (lacksQuorum(cluster)) return [noQuorum(cluster)];
  const frozen = resource.managed ? [] : unmanagedWhy(cluster, resource);
  if (frozen.length > 0) return frozen;
  const probe = recorder.actions
    .hindering(action)
    .find((from) => from.task === "monitor" && from.resource === resource);
  if (probe?.node !== undefined) {
    const { name } = probe.node;
    const because = nodeReason(cluster, probe.node);
    const text = `it may run on ${name} already, where nobody can look now`;
    return [{ code: "probe-impossible", text, node: name, ...(because === undefined ? {} : { because: [because] }) }];
  }
  const stop = resource.activeNodes.map((where) => stopOn(resource, where.index)).find((one) => one !== undefined);
  if (task === "start" && stop !== undefined && !hasFlag(stop, Flag.Runnable) && depth < MAX_DEPTH) {
    const because = impossibleWhy(cluster, recorder, stop, depth + 1);
    return [{ code: "stop-impossible", text: `it cannot be stopped on ${stop.node?.name}`, because }];
  }
  const start = newestAction(resource, "start", node);
  if (task === "promote" && start !== undefined && !hasFlag(start, Flag.Runnable) && depth < MAX_DEPTH) {
    return impossibleWhy(cluster, recorder, start, depth + 1);
  }
  const where = node === undefined ? "" : ` on ${node.name}`;
  const text = `its ${task} is not possible${where}`;
  return [{ code: "not-runnable", text, resource: resource.id, ...(node === undefined ? {} : { node: node.name }) }];
}

/** Nothing of a collective has that action, so what keeps its parts from running keeps it from that. */
function partsBlocked(cluster: Cluster, recorder: Recorder, resource: Resource): Reason[] {
  let part = resource;
  for (let next = partsOf(part)[0]; next !== undefined; next = partsOf(part)[0]) part = next;
  return whyNowhere(cluster, recorder, part).map((reason) => ({ ...reason, text: `${part.id}: ${reason.text}` }));
}

function stopOn(resource: Resource, index: number): Action | undefined {
  return resource.actions.find((one) => one.task === "stop" && one.node?.index === index);
}

/** Whether there is no quorum, and that is not ignored. */
export function lacksQuorum({ quorate, properties }: Cluster): boolean {
  return !quorate && properties.noQuorumPolicy !== "ignore";
}

/** The lack of quorum, and what it means. */
export function noQuorum(cluster: Cluster): Reason {
  const id = propertyElement(cluster, "no-quorum-policy");
  const text = `this partition has no quorum (no-quorum-policy ${cluster.properties.noQuorumPolicy})${idText(id)}`;
  return { code: "no-quorum", text, option: "no-quorum-policy", ...(id === undefined ? {} : { element: id }) };
}

/** Why a node cannot be fenced. */
export function fencingImpossible(cluster: Cluster, node: Node | undefined): Reason {
  const { fencingEnabled } = cluster.properties;
  const id = propertyElement(cluster, "fencing-enabled");
  const about = { option: "fencing-enabled", ...(id === undefined ? {} : { element: id }) };
  if (!fencingEnabled) return { code: "fencing-disabled", text: `fencing is switched off${idText(id)}`, ...about };
  if (!cluster.haveFencing) return { code: "no-fence-device", text: "there is no fence device", ...about };
  if (lacksQuorum(cluster)) return noQuorum(cluster);
  const text = "no resource is managed, so nothing would be recovered";
  return { code: "nothing-managed", text, ...(node === undefined ? {} : { node: node.name }) };
}
