// What a node takes with it from view to view, besides its log.

import type { NodeLife, PastView } from "../messages.ts";
import type { Element } from "./element.ts";

/** Of one node. */
export interface Carried {
  /** The CIB as it is shown. */
  shown: Element;
  lastView: PastView | undefined;
  sequence: number;
  fenced: NodeLife[];
  startOverride: boolean;
  nodeState: Element | undefined;
}

/** Remembers a life whose power-off was confirmed; of each node the last one. */
export function noteFenced(carried: Carried, life: NodeLife): void {
  const known = carried.fenced.find((other) => other.id === life.id);
  if (known !== undefined && known.incarnation >= life.incarnation) return;
  const others = carried.fenced.filter((other) => other.id !== life.id);
  carried.fenced = [...others, life].sort((a, b) => a.id - b.id);
}
