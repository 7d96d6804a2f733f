// `resource start` and `resource stop`: the meta attribute target-role.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import { deleteOption, type OptionHome, readOption, setOption } from "./options.ts";
import { type EditResult, findResource, plan, type ResourcePlace } from "./plan.ts";

function metaHome(place: { readonly element: Element; readonly path: ResourcePlace["path"] }): OptionHome {
  const id = place.element.attributes["id"] ?? "";
  return { owner: place.element, path: place.path, set: "meta_attributes", newSetId: `${id}-meta_attributes` };
}

function isStopped(element: Element): boolean {
  return readOption(metaHome({ element, path: [] }), "target-role")?.toLowerCase() === "stopped";
}

/** What holds for resources that say nothing themselves. */
function defaultRole(cib: Element): string | undefined {
  const owner = childNamed(childNamed(cib, "configuration"), "rsc_defaults");
  return readOption({ owner, path: [], set: "meta_attributes", newSetId: "" }, "target-role");
}

/** Lets a resource run. */
export function startEdits(cib: Element, id: string): EditResult {
  const place = findResource(cib, id);
  if ("refused" in place) return place;
  const stoppedParent = place.parents.find(isStopped);
  if (stoppedParent !== undefined) {
    const parent = stoppedParent.attributes["id"];
    return {
      refused: `"${id}" stands in the ${stoppedParent.name} "${parent}", which is stopped as a whole. Start "${parent}".`,
    };
  }
  const home = metaHome(place);
  const ordered = defaultRole(cib)?.toLowerCase() === "stopped";
  const edits = ordered ? setOption(cib, home, "target-role", "Started") : deleteOption(home, "target-role");
  const notes = membersBelow(place.element)
    .filter(isStopped)
    .map((member) => `"${member.attributes["id"]}" in it stays stopped, because that was asked for by itself.`);
  return plan(edits, edits.length === 0 ? `"${id}" is already meant to run.` : `"${id}" shall run.`, notes);
}

/** Stops a resource and keeps it stopped. */
export function stopEdits(cib: Element, id: string): EditResult {
  const place = findResource(cib, id);
  if ("refused" in place) return place;
  const edits = setOption(cib, metaHome(place), "target-role", "Stopped");
  const group = place.parents.find((parent) => parent.name === "group");
  const notes =
    group === undefined ? [] : [`What stands behind "${id}" in the group "${group.attributes["id"]}" stops with it.`];
  return plan(edits, edits.length === 0 ? `"${id}" is already meant to be stopped.` : `"${id}" shall stop.`, notes);
}

function membersBelow(parent: Element): Element[] {
  return parent.children.flatMap((child) =>
    child.name === "primitive" || child.name === "group" ? [child, ...membersBelow(child)] : [],
  );
}
