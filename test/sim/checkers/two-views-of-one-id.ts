// May never happen: two nodes install different views under one id, a view without its own node, or an older view after a
// newer one within one life.

import { isDeepStrictEqual } from "node:util";
import { compareViewIds, type View } from "../../../runtime/kernel/membership/view.ts";
import type { Checker, Observation } from "../observations.ts";
import { viewName, viewText } from "../trace-lines.ts";

export class TwoViewsOfOneId implements Checker {
  readonly name = "two-views-of-one-id";
  readonly sees = ["view"] as const;
  readonly #views = new Map<string, { readonly text: string; readonly view: View }>();
  readonly #latest = new Map<string, View>();

  see(seen: Observation): string | undefined {
    if (seen.seen !== "view") return undefined;
    const { view, node, incarnation } = seen;
    const id = viewName(view);
    const text = JSON.stringify(view);
    const known = this.#views.get(id);
    if (known === undefined) this.#views.set(id, { text, view });
    else if (known.text !== text && !isDeepStrictEqual(known.view, view)) {
      return `${node.name} installs ${viewText(view)}; another node has it as ${viewText(known.view)}`;
    }
    if (!view.members.some((member) => member.id === node.id && member.incarnation === incarnation)) {
      return `${node.name}.${incarnation} installs a view that it is not in: ${viewText(view)}`;
    }
    const life = `${node.id}.${incarnation}`;
    const before = this.#latest.get(life);
    this.#latest.set(life, view);
    if (before !== undefined && compareViewIds(view.id, before.id) <= 0) {
      return `${node.name} installs view ${viewText(view)} after ${viewText(before)}`;
    }
    return undefined;
  }
}
