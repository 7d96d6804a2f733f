// Why a resource is where it is, in words: the scheduler's causes, and what the status by itself explains.

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import { parseScore } from "../score.ts";
import { MetaReader } from "./options.ts";
import type { ClusterStatus, ResourceStatus } from "./schema.ts";

/** Where the scheduler wants a resource instance, and because of what. */
export interface WantedPlace {
  /** Instance id: the primitive's, with `:N` for instances of clones. */
  readonly resource: string;
  /** Absent when it shall be stopped. */
  readonly node?: string;
  readonly role: string;
  readonly activeOn: readonly string[];
  readonly causes: readonly { readonly code: string; readonly text: string }[];
}

/** Sentences about a resource and its members; empty when the status does not know it. */
export function whyText(id: string, places: readonly WantedPlace[], status: ClusterStatus, cib: Element): string[] {
  const chain = findChain(status.resources, id);
  const resource = chain[chain.length - 1];
  if (resource === undefined) return [];
  const general = generalReasons(chain, status);
  const lines = primitivesBelow(resource).flatMap((primitive) => {
    const own = places.filter((place) => place.resource.replace(/:\d+$/, "") === primitive.id);
    return own.length === 0
      ? [observed(primitive)]
      : own.map((place) => placeText(place, () => configuredReasons(primitive.id, place, status, cib)));
  });
  return [...lines, ...general];
}

/** The resource with what it stands in, outermost first. */
function findChain(resources: readonly ResourceStatus[], id: string): ResourceStatus[] {
  const plain = id.replace(/:\d+$/, "");
  for (const resource of resources) {
    if (resource.id === id || resource.id === plain) return [resource];
    const below = findChain(resource.members, id);
    if (below.length > 0) return [resource, ...below];
  }
  return [];
}

function primitivesBelow(resource: ResourceStatus): ResourceStatus[] {
  return resource.kind === "primitive" ? [resource] : resource.members.flatMap(primitivesBelow);
}

/**
 * What the configuration says in favour of a place, where the scheduler names no cause of its own: constraints of the resource and of
 * what it stands in, and that it is there already.
 */
function configuredReasons(primitive: string, place: WantedPlace, status: ClusterStatus, cib: Element): string[] {
  const { node } = place;
  if (node === undefined) return [];
  const ids = new Set(findChain(status.resources, primitive).map((one) => one.id));
  const configuration = childNamed(cib, "configuration");
  const constraints = childNamed(configuration, "constraints");
  const reasons: string[] = [];
  for (const { attributes } of childrenNamed(constraints, "rsc_location")) {
    const score = parseScore(attributes["score"] ?? "") ?? 0;
    if (!ids.has(attributes["rsc"] ?? "") || attributes["node"] !== node || score <= 0) continue;
    reasons.push(`the constraint ${attributes["id"]} wants it there (score ${attributes["score"]})`);
  }
  for (const { attributes } of childrenNamed(constraints, "rsc_colocation")) {
    if (!ids.has(attributes["rsc"] ?? "") || (parseScore(attributes["score"] ?? "INFINITY") ?? 0) <= 0) continue;
    reasons.push(`the constraint ${attributes["id"]} wants it with ${attributes["with-rsc"]}`);
  }
  const stickiness = stickinessOf(primitive, cib);
  if (place.activeOn.includes(node) && stickiness !== undefined && (parseScore(stickiness) ?? 0) > 0) {
    reasons.push(`it is there already and resource-stickiness is ${stickiness}`);
  }
  return reasons.length > 0 ? reasons : ["nothing in the configuration asks for another node"];
}

function stickinessOf(primitive: string, cib: Element): string | undefined {
  const meta = new MetaReader(cib);
  const search = (parent: Element | undefined, parents: readonly Element[]): string | undefined => {
    for (const child of parent?.children ?? []) {
      if (child.attributes["id"] === primitive) return meta.meta(child, parents, "resource-stickiness");
      const below = search(child, [...parents, child]);
      if (below !== undefined) return below;
    }
    return undefined;
  };
  return search(childNamed(childNamed(cib, "configuration"), "resources"), []);
}

function placeText(place: WantedPlace, otherReasons: () => readonly string[]): string {
  const now = place.activeOn;
  const causes = place.causes.length > 0 ? place.causes.map((cause) => clause(cause.text)) : otherReasons();
  const because = causes.length === 0 ? "" : `, because ${causes.join("; and ")}`;
  const role = place.role === "Promoted" ? "is promoted" : "runs";
  if (place.node === undefined) {
    if (now.length === 0) return `${place.resource} is stopped${because}.`;
    return `${place.resource} runs on ${now.join(" and ")} and is to be stopped${because}.`;
  }
  if (now.length === 1 && now[0] === place.node) return `${place.resource} ${role} on ${place.node}${because}.`;
  if (now.length === 0) return `${place.resource} is to be started on ${place.node}${because}.`;
  return `${place.resource} runs on ${now.join(" and ")} and is to move to ${place.node}${because}.`;
}

/** A cause as a part of a sentence: without "because" and a full stop of its own. */
function clause(text: string): string {
  return text.replace(/^(because|due to)\s+/i, "").replace(/\.\s*$/, "");
}

function observed(primitive: ResourceStatus): string {
  const active = primitive.activities.filter((activity) => activity.role !== "Stopped");
  if (active.length === 0) return `${primitive.id} is stopped.`;
  const pending = active.find((activity) => activity.pending !== undefined);
  if (pending !== undefined) return `${primitive.id} is ${pending.pending} on ${pending.node} just now.`;
  return `${primitive.id} runs on ${active.map((activity) => activity.node).join(" and ")}.`;
}

function generalReasons(chain: readonly ResourceStatus[], status: ClusterStatus): string[] {
  const reasons: string[] = [];
  const disabled = [...chain].find((one) => one.disabled);
  const id = chain[chain.length - 1]?.id ?? "";
  if (disabled !== undefined) {
    reasons.push(
      `It is not to run, because target-role of ${disabled.id} is Stopped: "systole resource start ${disabled.id}" changes that.`,
    );
  }
  if (status.maintenance || chain.some((one) => one.maintenance)) {
    reasons.push("Nothing is done about it, because of maintenance mode.");
  } else if (chain.some((one) => !one.managed)) {
    reasons.push("Nothing is done about it, because is-managed is false.");
  }
  if (!status.quorum.quorate)
    reasons.push(`Nothing is started here, because this partition has no quorum. ${status.quorum.reason}`);
  else if (!status.quorum.primary) reasons.push(`Nothing is started yet. ${status.quorum.reason}`);
  if (status.fencing.enabled && status.fencing.devices === 0) {
    reasons.push("Nothing is started, because fencing is enabled and there is no fence device.");
  }
  const primitives = chain.flatMap((one) => [one, ...primitivesBelow(one)]);
  for (const { name } of status.nodes.filter((node) => node.state === "unclean" && status.fencing.enabled)) {
    if (!primitives.some((one) => one.activities.some((at) => at.node === name && at.role !== "Stopped"))) continue;
    reasons.push(
      `It may still run on ${name}, which is unclean: it is started elsewhere only when ${name} is confirmed off. "systole status" says how its fencing goes; if you have seen yourself that it is off, "systole fence confirm ${name}" says so.`,
    );
  }
  const ids = new Set(primitives.map((one) => one.id));
  for (const failure of status.failures) {
    const limit = failure.threshold;
    if (!ids.has(failure.resource) || limit === undefined || failure.count < limit) continue;
    reasons.push(
      `${failure.resource} is kept off ${failure.node}, because it failed there ${failure.count} times (migration-threshold ${limit}): "systole resource cleanup ${id}" forgets that.`,
    );
  }
  return reasons;
}
