// May never happen: members of one view take different nodes for their coordinator, or one that is not the coordinator sends
// operations.

import type { Checker, Observation } from "../observations.ts";
import { viewName } from "../trace-lines.ts";

export class TwoCoordinators implements Checker {
  readonly name = "two-coordinators";
  readonly sees = ["standing", "send"] as const;
  readonly #coordinators = new Map<string, number>();

  see(seen: Observation): string | undefined {
    if (seen.seen === "standing") {
      const { view, coordinator, established } = seen.standing;
      if (!established) return undefined;
      const id = viewName(view);
      const known = this.#coordinators.get(id);
      if (known === undefined) this.#coordinators.set(id, coordinator);
      else if (known !== coordinator)
        return `${seen.node.name} takes ${coordinator} for the coordinator of view ${id}, another ${known}`;
      if (!view.members.some((member) => member.id === coordinator))
        return `coordinator ${coordinator} is not in view ${id}`;
      return undefined;
    }
    if (seen.seen === "send" && seen.message.type === "operation") {
      const standing = seen.node.life?.standing;
      if (standing?.coordinator !== seen.node.id) {
        return `${seen.node.name} sends ${seen.message.operation.operationKey}, but ${standing?.coordinator} is the coordinator`;
      }
    }
    return undefined;
  }
}
