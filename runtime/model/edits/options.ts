// Sets and deletes a name-value pair in the attribute sets of an element: meta attributes, node attributes, properties.
// The form of new ids is the one that Pacemaker's tools give, so that theirs and ours find each other's.

import { childrenNamed, type Element, element } from "../../kernel/cib/element.ts";
import type { CibEdit, CibPath } from "../../kernel/messages.ts";
import { freshId, stepTo } from "./plan.ts";

/** Where pairs of one kind stand. */
export interface OptionHome {
  /** The element that owns the sets, and the way to it. */
  readonly owner: Element | undefined;
  readonly path: CibPath;
  /** meta_attributes, instance_attributes, cluster_property_set. */
  readonly set: string;
  /** Id of the set that is made when there is none. */
  readonly newSetId: string;
}

interface FoundPair {
  readonly path: CibPath;
  readonly value: string | undefined;
}

/** Sets that apply always: those with a rule hold only at times, those with id-ref belong to somebody else. */
function plainSets(home: OptionHome): readonly Element[] {
  return childrenNamed(home.owner, home.set).filter(
    (set) => set.attributes["id-ref"] === undefined && !set.children.some((child) => child.name === "rule"),
  );
}

function findPairs(home: OptionHome, name: string): FoundPair[] {
  return plainSets(home).flatMap((set) =>
    childrenNamed(set, "nvpair")
      .filter((pair) => pair.attributes["name"] === name)
      .map((pair) => ({ path: [...home.path, stepTo(set), stepTo(pair)], value: pair.attributes["value"] })),
  );
}

/** The value that stands there now. */
export function readOption(home: OptionHome, name: string): string | undefined {
  return findPairs(home, name)[0]?.value;
}

/** All pairs that stand there, by name. */
export function readOptions(home: OptionHome): Record<string, string> {
  const values: Record<string, string> = {};
  for (const set of plainSets(home)) {
    for (const pair of childrenNamed(set, "nvpair")) {
      const { name, value } = pair.attributes;
      if (name !== undefined && value !== undefined && !Object.hasOwn(values, name)) values[name] = value;
    }
  }
  return values;
}

/** Sets it: where it stands already, otherwise in the first set, otherwise in a new one. Empty when it has that value. */
export function setOption(cib: Element, home: OptionHome, name: string, value: string): CibEdit[] {
  const found = findPairs(home, name);
  if (found.length > 0) {
    return found
      .filter((pair) => pair.value !== value)
      .map((pair) => ({ edit: "set", path: pair.path, attributes: { value } }));
  }
  const [set] = plainSets(home);
  const setId = set?.attributes["id"] ?? freshId(cib, home.newSetId);
  const pair = element("nvpair", { id: freshId(cib, `${setId}-${name}`), name, value });
  if (set !== undefined) return [{ edit: "put", parent: [...home.path, stepTo(set)], element: pair }];
  return [{ edit: "put", parent: home.path, element: element(home.set, { id: setId }, [pair]) }];
}

/** Deletes it wherever it stands. Empty when it stands nowhere. */
export function deleteOption(home: OptionHome, name: string): CibEdit[] {
  return findPairs(home, name).map((pair) => ({ edit: "delete", path: pair.path }));
}
