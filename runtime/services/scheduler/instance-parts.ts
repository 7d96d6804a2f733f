// Finding the part of a clone instance that the configuration knows under an id.

import type { Resource } from "./state.ts";
import { isClone, topResource } from "./tree.ts";

/** The instance itself or the member of it with that id; undefined when there is none. */
export function partOfInstance(instance: Resource, id: string): Resource | undefined {
  if (isClone(topResource(instance)) && (id === instance.id || id === instance.configId)) return instance;
  for (const child of instance.children) {
    const found = partOfInstance(child, id);
    if (found !== undefined) return found;
  }
  return undefined;
}
