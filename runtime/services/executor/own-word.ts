// What a node says of itself, against what the status section has of it.
//
// When a coordinator dies, results that it had not written down yet, and operations that it had asked for and that are still under way,
// stand nowhere but on the nodes themselves. The next coordinator must know of them before its first plan: to start a resource
// elsewhere that is just being started here is what must never happen. So each member's own history goes into the status whenever a
// view forms. Only what is newer than the status counts: what a coordinator has cleaned up since does not come back. And what stands there as under way is so only if the node says it too.
//
// A resource of which the node itself has nothing any more it was told to forget. It forgets at once, with what it has not reported yet, while
// the cleanup may never be committed: then the status would still have what was before that, such as "not running" of what was started since.
// So the status forgets it too, and it is probed.

import { childNamed, childrenNamed, type Element, withChildren } from "../../kernel/cib/element.ts";
import { faultPlanted, type Plantable } from "../../kernel/planted-fault.ts";
import { INCARNATION } from "../controller/node-states.ts";
import { isPending, isRecurring, PENDING_CALL_ID } from "./history.ts";

/** The <node_state> of a member, put together from the status and the node's own. */
export function withOwnWord(recorded: Element, own: Element, options: Plantable = {}): Element {
  const isOtherLife = recorded.attributes[INCARNATION] !== own.attributes[INCARNATION];
  if (isOtherLife && !faultPlanted(options, "missing-incarnation-check")) return own;
  const ownResources = childNamed(childNamed(own, "lrm"), "lrm_resources");
  const lrm = childNamed(recorded, "lrm");
  if (lrm === undefined) {
    const ownLrm = childNamed(own, "lrm");
    return ownLrm === undefined ? recorded : withChildren(recorded, [...recorded.children, ownLrm]);
  }
  const recordedResources = childNamed(lrm, "lrm_resources");
  const newest = newestCallId(recordedResources);
  const resources = [...(recordedResources?.children ?? [])];
  for (const said of childrenNamed(ownResources, "lrm_resource")) {
    const at = resources.findIndex((candidate) => candidate.attributes["id"] === said.attributes["id"]);
    const merged = newerHistory(resources[at], said, newest);
    if (merged === undefined) continue;
    if (at < 0) resources.push(merged);
    else resources[at] = merged;
  }
  const remembered = resources.flatMap((resource) => {
    const said = childNamed(ownResources, "lrm_resource", resource.attributes["id"] ?? "");
    if (said !== undefined) return [withoutEnded(resource, said)];
    return isOtherLife ? [resource] : [];
  });
  if (recordedResources === undefined) {
    return ownResources === undefined ? recorded : replaced(recorded, lrm, withChildren(lrm, [ownResources]));
  }
  return replaced(recorded, lrm, replaced(lrm, recordedResources, withChildren(recordedResources, remembered)));
}

/**
 * In the place of what stands as under way: what the node has under the same id, if anything. And without what should recur and does not on
 * the node: it was cancelled by a coordinator that did not live to write it down, and nothing would watch the resource any more.
 */
function withoutEnded(resource: Element, said: Element): Element {
  if (!resource.children.some((entry) => isPending(entry.attributes) || isRecurring(entry))) return resource;
  const entries = resource.children.map((entry) => {
    const own = childNamed(said, "lrm_rsc_op", entry.attributes["id"] ?? "");
    if (isPending(entry.attributes)) return own;
    return isRecurring(entry) && own === undefined ? undefined : entry;
  });
  return withChildren(
    resource,
    entries.filter((entry) => entry !== undefined),
  );
}

/** The history as the node has it, if something of it is new; without what the status has no more. */
function newerHistory(recorded: Element | undefined, said: Element, newest: number): Element | undefined {
  const isNew = (entry: Element) => callIdOf(entry) > newest || callIdOf(entry) === PENDING_CALL_ID;
  if (!said.children.some(isNew)) return undefined;
  const known = new Set(recorded?.children.map((entry) => entry.attributes["id"]));
  return withChildren(
    said,
    said.children.filter((entry) => isNew(entry) || known.has(entry.attributes["id"])),
  );
}

function newestCallId(resources: Element | undefined): number {
  let newest = 0;
  for (const resource of childrenNamed(resources, "lrm_resource")) {
    for (const entry of resource.children) newest = Math.max(newest, callIdOf(entry));
  }
  return newest;
}

function callIdOf(entry: Element): number {
  return Number(entry.attributes["call-id"] ?? 0);
}

function replaced(parent: Element, child: Element, by: Element): Element {
  return withChildren(
    parent,
    parent.children.map((candidate) => (candidate === child ? by : candidate)),
  );
}
